"""What the contract demands and JSON Schema cannot say: mistakes that are taken, and rules that refuse what has the
right form.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemathesis import Case

#: Routes of questions: null counts as not given, and what is no word for true is false, also in bodies.
_QUESTIONS = re.compile(r"/insights/|/persons/(funnel|lifecycle|stickiness|trends)/|/properties_timeline/$")
#: Other routes with filters in their bodies.
_WITH_FILTERS = (
    "/api/projects/",
    "/api/projects/{id}/",
    "/api/projects/{project_id}/cohorts/",
    "/api/projects/{project_id}/cohorts/{id}/",
)
#: Their booleans, ...
_FLAGS = (
    "explicit_date filter_test_accounts breakdown_normalize_url compare include_recordings drop_off".split()
)
#: ... and their words of which every other one has a meaning, too.
_WORDS = ("insight", "shown_as", "funnel_correlation_type")
#: Whatever is no list here is an empty one, and what is no text in it is passed over.
_LENIENT_LISTS = {
    "/api/projects/{project_id}/persons/batch_by_distinct_ids/": "distinct_ids",
    "/api/projects/{project_id}/persons/batch_by_uuids/": "uuids",
}
#: Fields whose texts have a grammar, or must name something that exists, or fit together with others: the first name in
#: ``attr``. What ends with ``_`` is the start of several.
_GRAMMARS = (
    # expressions and lists of filters, series and values of breakdowns
    "properties events exclusions breakdown breakdowns breakdown_value funnel_custom_steps funnel_step_breakdown "
    "funnel_correlation_ filters groups query test_account_filters display "
    # dates
    "date_from date_to entrance_period_start target_date timestamp updated_since timezone "
    # numbers that depend on the number of steps, or on another field
    "funnel_step funnel_from_step funnel_to_step breakdown_attribution_value breakdown_group_type_index "
    "breakdown_histogram_bin_count sampling_factor bin_count "
    "funnel_window_interval funnel_window_days stickiness_days entity_ limit offset "
    # needed by another field
    "drop_off "
    # only of questions for later
    "client_query_id "
    # made by the server
    "cursor "
    # goes with JSON only
    "Idempotency-Key "
    # what must exist, or be reachable
    "cohort cohort_type created_by_id main_distinct_id distinct_ids_to_split distinct_id person_id ids "
    "_create_static_person_ids person_ids csv set_current_organization set_current_team url scope scopes user"
).split()


def is_question(case: Case[Any]) -> bool:
    return _QUESTIONS.search(case.operation.path) is not None


def has_deep_body(case: Case[Any]) -> bool:
    """Whether the operation takes filters, which may be nested, in its body."""
    path = case.operation.path
    return case.operation.method != "get" and (is_question(case) or path in _WITH_FILTERS)


def is_taken(case: Case[Any], url: str) -> bool:
    """Whether ``case``, which is wrong by the document, is one of those that have to be answered all the same; ``url``
    is what was asked.
    """
    parameters = {one.name: one.definition for one in case.operation.query}
    # Empty texts count as not given everywhere, whatever became one on its way; of several values the last one counts.
    sent = parse_qs(urlsplit(url).query, keep_blank_values=True)
    if any(values[-1] == "" for name, values in sent.items() if name in parameters):
        return True
    if any(_is_taken_in_query(parameters.get(name, {}), value) for name, value in (case.query or {}).items()):
        return True
    body = case.body
    if not isinstance(body, Mapping):
        return False
    if (name := _LENIENT_LISTS.get(case.operation.path)) and name in body:
        return True
    return is_question(case) and (
        any(_counts_as_absent(value) for value in _values(body))
        or any(not isinstance(body.get(name, True), bool) for name in _FLAGS)
        or any(isinstance(body.get(name), str) for name in _WORDS)
    )


def is_ruled_out(case: Case[Any], status: int, answer: Mapping[str, Any]) -> bool:
    """Whether a refusal is by a rule about the whole request, or by one of the grammars; or whether the operation is
    documented to be refused always.
    """
    documented = case.operation.definition.raw["responses"]
    if not any(code.startswith("2") for code in documented):
        return str(status) in documented
    attr = answer.get("attr")
    return status == 400 and (attr is None or any(map(partial(_is_about, attr), _GRAMMARS)))


def _is_about(attr: str, name: str) -> bool:
    return attr.startswith(name) if name.endswith("_") else re.split(r"__|[\[.]", attr)[0] == name


def _is_taken_in_query(parameter: Mapping[str, Any], value: Any) -> bool:
    # An empty list is not sent at all.
    return value == [] or (bool(parameter.get("x-read-leniently")) and not _fits(parameter, value))


def _fits(parameter: Mapping[str, Any], value: Any) -> bool:
    schema = parameter["schema"]
    text = str(value).lower()
    match schema["type"]:
        case "boolean":
            return text in ("true", "false")
        case "integer":
            return re.fullmatch(r"\d+", text) is not None
    return text in schema.get("enum", [text])


def _values(body: Any) -> list[Any]:
    """All values in ``body``, at any depth."""
    if isinstance(body, Mapping):
        return [value for item in body.values() for value in (item, *_values(item))]
    if isinstance(body, list):
        return [value for item in body for value in (item, *_values(item))]
    return []


def _counts_as_absent(value: Any) -> bool:
    return value is None or value in ("", [], {})
