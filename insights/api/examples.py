"""Examples of questions and their answers for the OpenAPI document."""

from typing import Any

from core.api.examples_of_persons import ROW

_EVENTS = [{"id": "signed up", "order": 0}, {"id": "ordered", "order": 1}]
_FUNNEL: dict[str, Any] = {"events": _EVENTS, "date_from": "-14d", "funnel_window_interval": 7}
_AGE = {"last_refresh": "2026-11-22T10:00:00.252000Z", "is_cached": False}
_PEOPLE = [{"people": [ROW], "count": 1}]
_FUNNEL_URL = "/api/projects/7/persons/funnel/?funnel_step=1"
_CORRELATION_URL = "/api/projects/7/persons/funnel/correlation/"
_PERSONS: dict[str, Any] = {
    "results": _PEOPLE,
    "next": None,
    "initial": "https://example.org/api/projects/7/persons/funnel/?funnel_step=2",
    "missing_persons": 0,
    **_AGE,
}


def _step(name: str, order: int, count: int, seconds: float | None) -> dict[str, Any]:
    return {
        "action_id": name,
        "name": name,
        "custom_name": None,
        "order": order,
        "type": "events",
        "people": [],
        "count": count,
        "average_conversion_time": seconds,
        "median_conversion_time": seconds,
        "converted_people_url": _FUNNEL_URL,
        "dropped_people_url": _FUNNEL_URL if order else None,
    }


#: By component.
SHAPES: dict[str, Any] = {
    "FunnelInsightBody": _FUNNEL,
    "FunnelInsight": {
        "result": [_step("signed up", 0, 40, None), _step("ordered", 1, 12, 3600.0)],
        "timezone": "Europe/Berlin",
        **_AGE,
    },
    "FunnelPersonsBody": {**_FUNNEL, "funnel_step": 2},
    "FunnelPersons": _PERSONS,
    "TrendPersons": _PERSONS,
    "Actors": {"results": _PEOPLE, "next": None},
    "CorrelationBody": {**_FUNNEL, "funnel_correlation_type": "events"},
    "CorrelationPersonsBody": {
        **_FUNNEL,
        "funnel_correlation_person_entity": {"id": "watched a video", "type": "events"},
        "funnel_correlation_person_converted": "true",
    },
    "Correlation": {
        "result": {
            "events": [
                {
                    "success_count": 9,
                    "success_people_url": f"{_CORRELATION_URL}?funnel_correlation_person_converted=true",
                    "failure_count": 4,
                    "failure_people_url": f"{_CORRELATION_URL}?funnel_correlation_person_converted=false",
                    "odds_ratio": 14.5,
                    "correlation_type": "success",
                    "event": {"event": "watched a video", "properties": {}, "elements": []},
                }
            ],
            "skewed": False,
        },
        **_AGE,
    },
    "TrendBody": {"events": [{"id": "ordered", "math": "dau"}], "date_from": "-1d"},
    "Trend": {
        "result": [
            {
                "action": {
                    "id": "ordered",
                    "type": "events",
                    "order": 0,
                    "name": "ordered",
                    "custom_name": None,
                    "math": "dau",
                    "math_property": None,
                    "math_group_type_index": None,
                },
                "label": "ordered",
                "count": 7.0,
                "data": [3.0, 4.0],
                "labels": ["21-Nov-2026", "22-Nov-2026"],
                "days": ["2026-11-21", "2026-11-22"],
                "persons_urls": [
                    {"filter": {"date_from": day}, "url": "api/projects/7/persons/trends/?entity_id=ordered"}
                    for day in ("2026-11-21", "2026-11-22")
                ],
                "filter": {"date_from": "-1d"},
            }
        ],
        "next": None,
        "timezone": "Europe/Berlin",
        **_AGE,
    },
    "PropertiesTimeline": {
        "points": [
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "properties": {"plan": "free"},
                "relevant_event_count": 3,
            }
        ],
        "crucial_property_keys": ["plan"],
        "effective_date_from": "2026-01-01T00:00:00+00:00",
        "effective_date_to": "2026-01-05T23:59:59.999999+00:00",
    },
    "QueryStatusResponse": {
        "query_status": {
            "id": "0190dd44-0000-7000-8000-000000000001",
            "team_id": 7,
            "complete": False,
            "error": False,
            "error_message": None,
            "query_async": True,
            "results": None,
            "task_id": None,
            "start_time": "2026-11-22T10:00:00.252000Z",
            "pickup_time": None,
            "end_time": None,
            "expiration_time": "2026-11-22T10:20:00.252000Z",
            "insight_id": None,
            "dashboard_id": None,
            "labels": None,
            "query_progress": None,
        }
    },
    "QueryCancelled": {"message": "Query cancelled"},
}
#: By the name of a parameter, of those whose text has a form. Every series is a step, too.
PARAMETERS: dict[str, Any] = {
    "events": '[{"id": "signed up"}, {"id": "ordered"}]',
    "exclusions": '[{"id": "cancelled", "funnel_from_step": 0, "funnel_to_step": 1}]',
    "breakdown": "plan",
    "breakdowns": '[{"property": "plan", "type": "person"}]',
    "funnel_custom_steps": "[1, 2]",
    "funnel_step_breakdown": "team",
    "funnel_correlation_names": '["$all"]',
    "funnel_correlation_exclude_names": '["plan"]',
    "funnel_correlation_event_names": '["watched a video"]',
    "funnel_correlation_exclude_event_names": '["looked"]',
    "funnel_correlation_event_exclude_property_names": '["path"]',
    "funnel_correlation_person_entity": '{"id": "watched a video", "type": "events"}',
    "funnel_correlation_property_values": '[{"key": "plan", "value": "team", "type": "person"}]',
    "date_from": "-14d",
    "date_to": "2026-11-22",
    "entrance_period_start": "2026-11-21",
    "target_date": "2026-11-21",
    "client_query_id": "0190dd44-0000-7000-8000-000000000001",
}
