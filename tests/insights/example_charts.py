"""The pictures of docs/howto/charts.md, drawn from results as the server answers with them.

They are written by::

    PERSONS_API_DEBUG=1 .venv/bin/python manage.py shell -c "from tests.insights.example_charts import write; write()"
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from insights.charts.chart import Chart
from insights.charts.draw import draw
from insights.charts.funnel import funnel_chart
from insights.charts.trend import insight_chart
from insights.filters.funnel_result import read_funnel_result
from insights.filters.project import ProjectFacts

IMAGES = Path(__file__).parents[2] / "docs" / "images"
NOW = datetime(2026, 2, 1, tzinfo=UTC)
DATES = {"date_from": "2026-01-04", "date_to": "2026-01-17"}
DAYS = [f"2026-01-{day:02}" for day in range(4, 18)]
SITE = ProjectFacts(1, timezone="Europe/Berlin")


def steps(counts: Mapping[str, int], **more: Any) -> list[dict[str, Any]]:
    """The steps of a funnel in a result, as far as they are drawn."""
    return [{"name": name, "custom_name": None, "count": count, **more} for name, count in counts.items()]


def chart_of_funnel(result: Any, given: Mapping[str, Any], project: ProjectFacts = SITE) -> Chart:
    """The picture of ``result`` to the question ``given``."""
    return funnel_chart(result, read_funnel_result(given, project=project, now=NOW), project)


def series(name: str, data: list[float], **more: Any) -> dict[str, Any]:
    """A series in a result, as far as it is drawn."""
    return {
        "action": {"name": name, "custom_name": None, "order": 0, "math": "total", "math_property": None},
        "label": name,
        "data": data,
        "days": DAYS,
        "labels": DAYS,
        "filter": {"date_from": "2026-01-03T23:00:00Z", "date_to": "2026-01-17T22:59:59Z"},
        **more,
    }


def funnel() -> Chart:
    """Steps by browser."""
    names = ["$pageview", "signed up", "order placed"]
    counts = {"Chrome": [1204, 530, 402], "Safari": [866, 391, 322], "Firefox": [410, 121, 60]}
    return chart_of_funnel(
        [
            steps(dict(zip(names, reached, strict=True)), breakdown=[name], breakdown_value=[name])
            for name, reached in counts.items()
        ],
        {"events": [{"id": name} for name in names], "breakdown": "$browser", **DATES},
    )


def trend() -> Chart:
    """Lines by plan."""
    counts: dict[str, list[float]] = {
        "free": [61, 84, 88, 92, 90, 71, 55, 60, 91, 95, 104, 99, 70, 58],
        "team": [22, 41, 44, 47, 43, 38, 20, 24, 46, 51, 52, 55, 41, 25],
        "": [4, 6, 5, 9, 7, 3, 2, 4, 8, 6, 5, 7, 3, 2],
    }
    return insight_chart(
        "",
        [series("order placed", data, breakdown_value=value, label=f"order placed - {value}")
         for value, data in counts.items()],
        {"breakdown": "plan", **DATES},
        SITE,
        has_more=False,
    )  # fmt: skip


def lifecycle() -> Chart:
    """Bars above and below zero."""
    counts: dict[str, list[float]] = {
        "new": [9, 12, 11, 8, 10, 6, 5, 7, 14, 12, 9, 11, 6, 4],
        "returning": [20, 24, 31, 33, 34, 30, 22, 18, 27, 34, 37, 36, 33, 21],
        "resurrecting": [3, 9, 4, 3, 2, 3, 2, 3, 11, 5, 4, 2, 3, 2],
        "dormant": [-8, -6, -7, -9, -8, -12, -17, -10, -6, -8, -9, -10, -13, -19],
    }
    return insight_chart(
        "lifecycle",
        [series("$pageview", data, status=state) for state, data in counts.items()],
        DATES,
        SITE,
        has_more=False,
    )


EXAMPLES = {"funnel": funnel, "trend": trend, "lifecycle": lifecycle}


def write() -> None:
    IMAGES.mkdir(exist_ok=True)
    for name, chart in EXAMPLES.items():
        (IMAGES / f"chart-{name}.svg").write_text(draw(chart()))
