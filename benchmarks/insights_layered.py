"""The classic way to count a funnel of three steps, as a comparison.

The events of the steps with the person that each belongs to now; for each step whether the event is one and, if so, its
time, else null. Then, once for each later step, layers of subqueries: the running minimum of the times over the
person's events from the last to the first, and null for what comes before the step in front of it. From the times of
the rows that start follow the steps reached within the window and how long each took, which are averaged for each
person over the attempts that got furthest. Properties are JSON text, looked up by name and stripped of quotes; persons
who pass a filter are found twice, to begin with by any of their rows and then by the latest.

Whose an event is now was looked up among all distinct ids in the days of JSON text; later, when events had a person,
only among those that have moved.
"""

from typing import LiteralString

#: The rows of the floor, too.
ROWS = """e.project_id = {project_id:Int64} AND e.event IN {names:Array(String)}
    AND e.timestamp >= toDateTime64('2026-01-20 00:00:00', 6, 'UTC')
    AND e.timestamp < toDateTime64('2026-02-03 00:00:00', 6, 'UTC')"""

_LATER = "OVER (PARTITION BY person ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 0 PRECEDING)"
#: A join that says whose an event is, and the person by it.
Owners = tuple[LiteralString, LiteralString]
OF_ALL_IDS: Owners = (
    """
    INNER JOIN (
        SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id
        WHERE project_id = {project_id:Int64} GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
    ) AS current ON current.distinct_id = e.distinct_id""",
    "current.person_id",
)
OF_MOVED_IDS: Owners = (
    """
    LEFT JOIN (
        SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id_overrides
        WHERE project_id = {project_id:Int64} GROUP BY distinct_id
    ) AS moved ON moved.distinct_id = e.distinct_id""",
    "if(notEmpty(moved.distinct_id), moved.person_id, e.person_id)",
)
_CHROME = """AND has(['Chrome'], replaceRegexpAll(JSONExtractRaw(e.properties, '$browser'), '^"|"$', ''))"""
_IS_TEAM = """has(['team'], replaceRegexpAll(JSONExtractRaw({properties}, 'plan'), '^"|"$', ''))"""
_TEAM = f"""
INNER JOIN (
    SELECT id FROM persons_as_text WHERE project_id = {{{{project_id:Int64}}}} AND id IN (
        SELECT id FROM persons_as_text
        WHERE project_id = {{{{project_id:Int64}}}} AND {_IS_TEAM.format(properties="properties")}
    )
    GROUP BY id
    HAVING max(is_deleted) = 0 AND {_IS_TEAM.format(properties="argMax(properties, version)")}
    SETTINGS optimize_aggregation_in_order = 1
) AS owner ON owner.id = {{person}}
"""


def page_of_layered(owners: Owners, *, filtered: bool) -> str:
    """The statement for the first page of the persons who converted. ``filtered``: only events with Chrome, of persons
    on the team plan.
    """
    return f"""
    SELECT person FROM (
        SELECT person, steps, avg(time_1), avg(time_2), median(time_1), median(time_2) FROM (
            SELECT person, steps, max(steps) OVER (PARTITION BY person) AS most, time_1, time_2 FROM (
                SELECT *,
                    if(latest_0 <= latest_1 AND latest_1 <= latest_0 + INTERVAL 14 DAY
                        AND latest_1 <= latest_2 AND latest_2 <= latest_0 + INTERVAL 14 DAY, 3,
                        if(latest_0 <= latest_1 AND latest_1 <= latest_0 + INTERVAL 14 DAY, 2, 1)) AS steps,
                    if(isNotNull(latest_1) AND latest_1 <= latest_0 + INTERVAL 14 DAY,
                        dateDiff('second', toDateTime(latest_0), toDateTime(latest_1)), NULL) AS time_1,
                    if(isNotNull(latest_2) AND latest_2 <= latest_1 + INTERVAL 14 DAY,
                        dateDiff('second', toDateTime(latest_1), toDateTime(latest_2)), NULL) AS time_2
                FROM (
                    SELECT person, at, step_0, latest_0, step_1, latest_1, step_2, min(latest_2) {_LATER} AS latest_2
                    FROM (
                        SELECT person, at, step_0, latest_0, step_1, latest_1, step_2,
                            if(latest_2 < latest_1, NULL, latest_2) AS latest_2
                        FROM (
                            SELECT person, at, step_0, latest_0, step_1, min(latest_1) {_LATER} AS latest_1,
                                step_2, min(latest_2) {_LATER} AS latest_2
                            FROM ({_events(owners, filtered=filtered)})
                        )
                    )
                )
                WHERE step_0 = 1
            )
        )
        GROUP BY person, steps HAVING steps = max(most)
    )
    WHERE steps IN [3] ORDER BY person LIMIT 101
    """


def _events(owners: Owners, *, filtered: bool) -> str:
    join, person = owners
    return f"""
    SELECT e.timestamp AS at, {person} AS person,
        if(e.event = 'sign up', 1, 0) AS step_0, if(step_0 = 1, at, NULL) AS latest_0,
        if(e.event = 'add', 1, 0) AS step_1, if(step_1 = 1, at, NULL) AS latest_1,
        if(e.event = 'purchase', 1, 0) AS step_2, if(step_2 = 1, at, NULL) AS latest_2
    FROM events_as_text AS e{join}
    {_TEAM.format(person=person) if filtered else ""}
    WHERE {ROWS} {_CHROME if filtered else ""} AND (step_0 = 1 OR step_1 = 1 OR step_2 = 1)
    """
