"""Which events, or properties, go along with completing a funnel?

Rows: one an event, a property of events or a property of actors, with how many of those who finished and of those who
did not have it; and one of all of them, which the odds need. ClickHouse picks the twenty that are shown.

Events are read twice: those of the steps for the spans of actors (``insights.queries.correlation_spans``), then all of
the range, joined with the spans. Gathering all events of each actor in one pass was tried and took four times as long.
Actors are numbered, so that distinct ones are counted by bitmaps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.clickhouse.escape import property_path
from core.sql.conditions import stored_text
from core.sql.text import Sql, join, sql, text, texts, trusted
from insights.filters.correlation import Correlation, Entered, Kind
from insights.limits import Limits
from insights.queries.correlation_spans import finishers, happened, spans, within
from insights.queries.funnel_population import Population, find_population, rows_of
from insights.sql.events_between import names_of

#: Rows of successes and of failures that are shown.
SHOWN = 10
AUTOCAPTURE = "$autocapture"
#: What an element that was clicked is known by: its chain as text, or as a list of objects by older SDKs.
CHAIN, ELEMENTS, EVENT_TYPE = "$elements_chain", "$elements", "$event_type"


@dataclass(frozen=True, slots=True)
class Row:
    """What so many actors have: an event, a property (by its path) with a value, or both. Of autocaptured events the
    property is ``CHAIN`` or ``ELEMENTS``, and ``event_type`` that of the event, else empty.
    """

    event: str
    property: str
    value: str
    event_type: str
    successes: int
    failures: int
    odds: float


@dataclass(frozen=True, slots=True)
class Table:
    """``successes`` and ``failures`` are all actors who finished, and who did not."""

    successes: int
    failures: int
    rows: list[Row]


def find_correlation(question: Correlation, *, limits: Limits) -> Table:
    """The best rows of success, best first, then those of failure.

    Raises as ``insights.queries.funnel_population.find_population``.
    """
    funnel = question.entered.funnel
    people = find_population(funnel, limits=limits)
    rows = rows_of(correlated(question, people), funnel, limits=limits, purpose="funnel correlation")
    successes, failures = 0, 0
    found = []
    for is_total, *row in rows:
        if is_total:
            *_, successes, failures, _ = row
        else:
            found.append(Row(*row))
    return Table(successes, failures, found)


#: What a row is called, as ``insights.api.correlation_results`` does, but for elements that came as a list.
_NAME = sql(
    """if(event = {autocapture} AND property != '', concat(event, '::elements_chain::', event_type, '__~~__', value),
        concat(event, if(event != '' AND property != '', '::', ''),
            if(property = '', '', concat(if(property = '%', '', decodeURLComponent(property)), '::', value))))""",
    autocapture=text(AUTOCAPTURE),
)


def correlated(question: Correlation, people: Population) -> Sql:
    """Rows ``is_total, event, property, value, event_type, successes, failures, odds``, as they are shown."""
    counted = {
        Kind.EVENTS: _events,
        Kind.EVENT_WITH_PROPERTIES: _properties_of_events,
        Kind.PROPERTIES: _properties_of_actors,
    }[question.kind](question, people)
    return sql(
        """SELECT * EXCEPT (all_successes, all_failures),
            (successes + 1) * (all_failures - failures + 1) / ((all_successes - successes + 1) * (failures + 1)) AS odds
        FROM (
            SELECT is_total, event, property, value, event_type, successes, failures,
                maxIf(successes, is_total) OVER () AS all_successes,
                maxIf(failures, is_total) OVER () AS all_failures
            FROM ({counted})
        )
        WHERE is_total OR (all_successes > 0 AND all_failures > 0
            AND (successes + failures >= 25 OR 50 * (successes + failures) >= all_successes + all_failures))
        ORDER BY is_total DESC, odds > 1 DESC, if(odds > 1, -odds, odds), {name}, property, value
        LIMIT {shown} BY is_total, odds > 1""",
        counted=counted,
        name=_NAME,
        shown=trusted(str(SHOWN)),
    )


def _events(question: Correlation, people: Population) -> Sql:
    return _counted(
        question.entered,
        people,
        events=happened(question.entered, people, columns=sql("e.event AS event"), names=()),
        counts=within(question.entered, question.left_out),
        shown=sql("if(is_total, '', happened.event) AS event, '' AS property, '' AS value, '' AS event_type"),
        least=0,
    )


def _properties_of_events(question: Correlation, people: Population) -> Sql:
    entered, names = question.entered, question.names or ()
    steps = names_of(entered.funnel.steps)
    properties = _properties_of_event(question)
    events = _happened(question, people, properties, names)
    # All properties of an event are read, which takes longest: not of those with which the spans begin.
    others = [name for name in steps if name not in names]
    if others:
        nothing = sql("CAST([] AS Array(Tuple(String, String, String)))")
        events = sql(
            "SELECT * FROM ({events}) UNION ALL SELECT * FROM ({others})",
            events=events,
            others=_happened(question, people, nothing, others),
        )
    elif not steps:
        events = _happened(question, people, properties, ())
    return _counted(
        entered,
        people,
        events=events,
        counts=sql("{within} AND happened.event IN {names}", within=within(entered), names=texts(names)),
        shown=sql(
            """arrayJoin(if(is_total, [('', '', '')], properties)) AS one,
            if(is_total, '', happened.event) AS event, one.1 AS property, one.2 AS value, one.3 AS event_type"""
        ),
        # What only two have tells nothing (contract 6.2).
        least=3,
    )


def _happened(question: Correlation, people: Population, properties: Sql, names: Sequence[str]) -> Sql:
    columns = sql("e.event AS event, {properties} AS properties", properties=properties)
    return happened(question.entered, people, columns=columns, names=names)


def _properties_of_event(question: Correlation) -> Sql:
    """Tuples (path, value, type of the event if autocaptured)."""
    pairs = "arrayMap((path, value) -> (path, value, ''), JSONAllPaths(e.properties), JSONAllValues(e.properties))"
    everything = trusted(pairs)
    if question.left_out:
        everything = sql(
            "arrayFilter(one -> NOT has({left_out}, one.1), {pairs})",
            left_out=_paths(question.left_out),
            pairs=trusted(pairs),
        )
    if AUTOCAPTURE not in (question.names or ()):
        return everything
    return sql(
        """if(e.event = {autocapture}, [if({chain} != '',
            ({chain_name}, {chain}, {type}), ({elements_name}, {elements}, {type}))], {everything})""",
        autocapture=text(AUTOCAPTURE),
        chain=_event_text(CHAIN),
        chain_name=text(CHAIN),
        elements=_event_text(ELEMENTS),
        elements_name=text(ELEMENTS),
        type=_event_text(EVENT_TYPE),
        everything=everything,
    )


def _event_text(key: str) -> Sql:
    return sql("ifNull({stored}, '')", stored=stored_text("e.properties", key))


def _counted(
    entered: Entered, people: Population, *, events: Sql, counts: Sql, shown: Sql, least: int
) -> Sql:
    """How many actors have what. All of them are counted by the events with which their spans begin."""
    return sql(
        """SELECT is_total, event, property, value, event_type,
            groupBitmapIf(number, success) AS successes, groupBitmapIf(number, NOT success) AS failures
        FROM (
            SELECT time = span.start AS is_total, {shown}, span.number AS number, span.success AS success
            FROM ({events}) AS happened INNER JOIN ({spans}) AS span ON happened.actor = span.actor
            WHERE is_total OR ({counts})
        )
        GROUP BY is_total, event, property, value, event_type
        HAVING is_total OR successes + failures >= {least}""",
        shown=shown,
        events=events,
        spans=spans(entered, people),
        counts=counts,
        least=trusted(str(least)),
    )


def _properties_of_actors(question: Correlation, people: Population) -> Sql:
    """By their properties as they are now."""
    return sql(
        """SELECT is_total, '' AS event, property, value, '' AS event_type,
            countIf(success) AS successes, countIf(NOT success) AS failures
        FROM (
            SELECT success, arrayJoin(arrayConcat([(true, '', '')], {own})) AS one,
                one.1 AS is_total, one.2 AS property, one.3 AS value
            FROM ({owners}) AS owner RIGHT ANY JOIN ({finishers}) AS entered ON owner.id = entered.actor
        ) GROUP BY is_total, property, value""",
        own=_own_properties(question),
        finishers=finishers(question.entered, people),
        owners=_owners(question),
    )


def _owners(question: Correlation) -> Sql:
    """Rows ``id, own``: persons or groups and their properties, as tuples (false, path, value)."""
    if question.names is None:
        pairs = sql("JSONAllPaths(properties), JSONAllValues(properties)")
    else:
        stored = (stored_text("properties", name) for name in question.names)
        pairs = sql(
            "{paths}, [{values}]",
            paths=_paths(question.names),
            values=join(", ", [sql("ifNull({one}, '')", one=one) for one in stored]),
        )
    own = sql("arrayMap((path, value) -> (false, path, value), {pairs}) AS own", pairs=pairs)
    if question.entered.funnel.group_type_index is None:
        return sql("SELECT id, {own} FROM person FINAL WHERE project_id = {project_id:Int64}", own=own)
    return sql(
        """SELECT key AS id, {own} FROM groups FINAL
        WHERE project_id = {project_id:Int64} AND type_index = {index}""",
        own=own,
        index=trusted(str(question.entered.funnel.group_type_index)),
    )


def _own_properties(question: Correlation) -> Sql:
    """Those of an ``owner`` that are compared. A group that nobody has told of lacks all that are named."""
    own = sql("owner.own")
    if question.names is not None:
        own = sql(
            "if(empty(owner.own), arrayMap(path -> (false, path, ''), {paths}), owner.own)",
            paths=_paths(question.names),
        )
    if not question.left_out:
        return own
    return sql(
        "arrayFilter(one -> NOT has({left_out}, one.2), {own})", left_out=_paths(question.left_out), own=own
    )


def _paths(names: Iterable[str]) -> Sql:
    return texts(map(property_path, names))
