"""Maths as aggregate functions over events ``e``."""

from core.sql.conditions import stored_number, stored_text
from core.sql.text import Sql, sql, trusted
from insights.filters.maths import Aggregate, Math, Of
from insights.sql.counted import EVENT_KEY

_AGGREGATES = {
    Aggregate.SUM: "sum",
    Aggregate.AVG: "avg",
    Aggregate.MIN: "min",
    Aggregate.MAX: "max",
    Aggregate.MEDIAN: "quantileExactInclusive(0.5)",
    Aggregate.P90: "quantileExactInclusive(0.9)",
    Aggregate.P95: "quantileExactInclusive(0.95)",
    Aggregate.P99: "quantileExactInclusive(0.99)",
}
#: The session of an event; null when it has none.
SESSION = sql("nullIf({session}, '')", session=stored_text("e.properties", "$session_id"))
HOW_MANY = sql("uniqExact({key})", key=EVENT_KEY)


def aggregate_of(numbers: Sql, math: Math) -> Sql:
    """One number of ``numbers``; null when all are null."""
    if math.aggregate is None:
        raise ValueError(f"{math.word} aggregates no numbers")
    return sql("{aggregate}({numbers})", aggregate=trusted(_AGGREGATES[math.aggregate]), numbers=numbers)


def property_number(math: Math) -> Sql:
    """The number that an event has in the property of the math; null when it has none."""
    if math.property is None:
        raise ValueError(f"{math.word} has no property")
    return stored_number(stored_text("e.properties", math.property))


def value_of_actor(math: Math) -> Sql:
    """What stands beside an actor: its number of events, or the math of a property over them."""
    return aggregate_of(property_number(math), math) if math.of is Of.PROPERTY else HOW_MANY
