"""Random criteria over small random worlds: the SQL against the contract, taken literally.

``COHORT_EXAMPLES`` sets how many trees of criteria are tried; each has up to 20 persons.
"""

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cohorts.oracle import DAY, Happening, Somebody, belongs
from tests.cohorts.world import CohortWorld

EXAMPLES = int(os.environ.get("COHORT_EXAMPLES", "60"))
#: NOON is half a day after a day began. A calculation takes place then; the oracle counts from that beginning.
HALF = DAY // 2
LENT = (1, 2)

names = st.sampled_from(["A", "B"])
#: Quarters of days up to twelve days back, with many ties, and a little of the future.
times = st.integers(-48, 2).map(lambda quarter: quarter * (DAY / 4))
texts = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]), max_size=2)
happenings = st.builds(Happening, names, times, texts)
properties = st.dictionaries(
    st.sampled_from(["p", "q"]), st.sampled_from(["", "a", "Ab", "2", 2, 10, 1.5, True, None]), max_size=2
)
crowds = st.lists(
    st.builds(
        Somebody,
        properties,
        times,
        st.lists(happenings, max_size=6),
        st.frozensets(st.sampled_from(LENT), max_size=2),
    ),
    min_size=12,
    max_size=20,
)

negations = st.booleans()
operators = st.sampled_from(["gte", "lte", "gt", "lt", "eq", "exact"])
lengths = st.integers(1, 12)
units = st.sampled_from(["hour", "day", "day", "week"])
event_filters = st.lists(
    st.builds(
        lambda key, operator, value: {"type": "event", "key": key, "operator": operator, "value": value},
        st.sampled_from(["x", "y"]),
        st.sampled_from(["exact", "is_not"]),
        st.lists(st.sampled_from(["1", "2", ""]), min_size=1, max_size=2, unique=True),
    ),
    max_size=1,
)


def behavior(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "type": st.just("behavioral"),
            "event_type": st.just("events"),
            "value": st.just(kind),
            "key": names,
            "time_value": lengths,
            "time_interval": units,
            "event_filters": event_filters,
            "negation": negations,
            **more,
        }
    )


amount = {"operator": operators, "operator_value": st.integers(1, 3)}
recent = {"seq_time_value": lengths, "seq_time_interval": units}
behaviors = st.one_of(
    behavior("performed_event"),
    behavior("performed_event_first_time"),
    behavior("performed_event_multiple", **amount),
    behavior("performed_event_sequence", seq_event=names, seq_event_type=st.just("events"), **recent),
    behavior("stopped_performing_event", **recent),
    behavior("restarted_performing_event", **recent),
    st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda two: behavior(
            "performed_event_regularly",
            total_periods=st.just(max(two)),
            min_periods=st.just(min(two)),
            **{**amount, "time_value": st.integers(1, 3)},
        )
    ),
)
keys = st.sampled_from(["p", "q"])
values = st.sampled_from(["", "a", "Ab", "2", 2, 10, True])
persons = st.one_of(
    st.builds(
        lambda key, operator, value, negation: {
            "type": "person", "key": key, "operator": operator, "value": value, "negation": negation
        },
        keys,
        st.sampled_from(["exact", "is_not", "icontains", "not_icontains", "regex", "not_regex"]),
        values | st.lists(values, min_size=1, max_size=2),
        negations,
    ),
    st.builds(
        lambda key, operator, value, negation: {
            "type": "person", "key": key, "operator": operator, "value": value, "negation": negation
        },
        keys,
        st.sampled_from(["gt", "gte", "lt", "lte"]),
        st.sampled_from([1, "2", 1.5, 10]),
        negations,
    ),
    st.builds(
        lambda key, operator, negation: {
            "type": "person", "key": key, "operator": operator, "negation": negation
        },
        keys,
        st.sampled_from(["is_set", "is_not_set"]),
        negations,
    ),
)  # fmt: skip
metadata = st.builds(
    lambda operator, days, negation: {
        "type": "person_metadata", "key": "created_at", "operator": operator, "value": f"-{days}d", "negation": negation
    },
    st.sampled_from(["is_date_before", "is_date_after"]),
    lengths,
    negations,
)  # fmt: skip
cohorts = st.builds(
    lambda cohort, negation: {"type": "cohort", "key": "id", "value": cohort, "negation": negation},
    st.sampled_from((*LENT, 99)),
    negations,
)
criteria = st.one_of(behaviors, behaviors, persons, metadata, cohorts)
groups = st.recursive(
    st.builds(
        lambda joiner, members: {"type": joiner, "values": members},
        st.sampled_from(["AND", "OR"]),
        st.lists(criteria, min_size=1, max_size=3),
    ),
    lambda inner: st.builds(
        lambda joiner, members: {"type": joiner, "values": members},
        st.sampled_from(["AND", "OR"]),
        st.lists(criteria | inner, max_size=3),
    ),
    max_leaves=4,
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="COHORT_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(tree=groups, crowd=crowds, moved=st.booleans())
def test_the_sql_agrees_with_the_contract(tree: dict[str, Any], crowd: list[Somebody], moved: bool) -> None:
    world = CohortWorld()
    everybody = [f"p{index}" for index in range(len(crowd))]
    _insert(world, crowd, moved=moved)

    found = world.members(everybody, tree, overridden=moved)

    # The oracle's days begin at multiples of 86,400.
    assert found == sorted(
        name for name, somebody in zip(everybody, crowd, strict=True) if belongs(_later(somebody), tree, HALF)
    )


def _later(somebody: Somebody) -> Somebody:
    return Somebody(
        somebody.properties,
        somebody.created + HALF,
        [Happening(one.name, one.at + HALF, one.texts) for one in somebody.happenings],
        somebody.cohorts,
    )


def _insert(world: CohortWorld, crowd: list[Somebody], *, moved: bool) -> None:
    """Put the crowd into the tables, and somebody who is deleted. With ``moved`` events come under a second id, of a
    person who was merged away. Every event is there twice.
    """
    events, persons, overrides = [], [world.person_line("gone", version=1, is_deleted=True)], []
    events.append(world.event_line("A", "gone", -1))
    for index, somebody in enumerate(crowd):
        name = f"p{index}"
        persons.append(world.add_person(name, somebody.properties, created=somebody.created))
        distinct_id = f"second-{index}" if moved else name
        if moved:
            overrides.append(world.override_line(distinct_id, name))
        lines = [world.event_line(one.name, distinct_id, one.at, one.texts) for one in somebody.happenings]
        events += lines
        for cohort in somebody.cohorts:
            world.join(cohort, name)
    world.insert("events", events)
    world.insert("events", events)
    world.insert("person", persons)
    world.insert("person_distinct_id_overrides", overrides)
