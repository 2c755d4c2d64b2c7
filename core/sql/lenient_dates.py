"""Stored texts read as times: the twin of ``core.filters.property_dates.read_moment`` in SQL.

ClickHouse's own best-effort reading takes more than the contract does (years, seven-digit numbers, American
dates), so a pattern decides first whether a text is a time at all.
"""

from core.sql.text import Sql, sql, text

_TIME = r"([T ]([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)?)?"
_YEAR, _MONTH, _DAY = r"(19|2[0-2])\d{2}", r"(0?[1-9]|1[0-2])", r"(0?[1-9]|[12]\d|3[01])"
_RFC_822 = rf"([A-Za-z]{{3}}, )?{_DAY} [A-Za-z]{{3}} {_YEAR} ([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)? ([+-]\d{{4}}|GMT|UTC|Z)"
_CALENDAR = (
    rf"^({_YEAR}-{_MONTH}-{_DAY}{_TIME}|{_YEAR}/{_MONTH}/{_DAY}{_TIME}"
    rf"|{_DAY}-{_MONTH}-{_YEAR}{_TIME}|{_DAY}/{_MONTH}/{_YEAR}{_TIME}|{_RFC_822})$"
)
_UNIX = r"^([0-9]{9,10}(\.[0-9]+)?|[0-9]{13}(\.[0-9]+)?)$"


def unix_seconds(value: Sql, *, zone: str) -> Sql:
    """Whole Unix seconds of the text ``value`` as ``Nullable(Int64)``: null when it is no time."""
    return sql(
        "multiIf("
        "match({value}, {unix}), toInt64OrNull(extract({value}, '^[0-9]{9,10}')), "
        "match({value}, {calendar}), toUnixTimestamp64Second(parseDateTime64BestEffortOrNull({value}, 0, {zone})), "
        "NULL)",
        value=value,
        unix=text(_UNIX),
        calendar=text(_CALENDAR),
        zone=text(zone),
    )
