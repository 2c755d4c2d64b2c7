"""Ranges cut into periods, named, moved and measured: each row a fact of the calendar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.dates import DateRange, Interval
from insights.filters.intervals import (
    MOST_PERIODS,
    before,
    cut,
    day_of,
    intervals_between,
    label_of,
    previous,
    shifted,
)

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def between(first: str, last: str, zone: ZoneInfo = BERLIN) -> DateRange:
    return DateRange(local(first, zone), local(last, zone))


def shown(dates: DateRange, zone: ZoneInfo = BERLIN) -> tuple[str, str]:
    return (
        f"{dates.first.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        f"{dates.last.astimezone(zone):%Y-%m-%d %H:%M:%S}",
    )


@pytest.mark.parametrize(
    ("interval", "week_start_day", "first", "last", "starts"),
    [
        ("day", 0, "2021-05-01 10:00", "2021-05-02 00:00", ["2021-05-01", "2021-05-02"]),
        ("week", 0, "2021-09-06", "2021-09-21", ["2021-09-05", "2021-09-12", "2021-09-19"]),
        ("week", 1, "2021-09-06", "2021-09-21", ["2021-09-06", "2021-09-13", "2021-09-20"]),
        ("month", 0, "2020-01-31", "2020-03-01", ["2020-01-01", "2020-02-01", "2020-03-01"]),
        ("hour", 0, "2021-05-01 10:20", "2021-05-01 11:00", ["2021-05-01 10:00:00", "2021-05-01 11:00:00"]),
        # A day of 25 hours.
        ("hour", 0, "2026-10-25 01:30", "2026-10-25 03:00",
         ["2026-10-25 01:00:00", "2026-10-25 02:00:00", "2026-10-25 02:00:00", "2026-10-25 03:00:00"]),
        # A day of 23 hours.
        ("hour", 0, "2026-03-29 01:30", "2026-03-29 03:00", ["2026-03-29 01:00:00", "2026-03-29 03:00:00"]),
        ("day", 0, "2021-05-02", "2021-05-01", []),
    ],
)  # fmt: skip
def test_the_periods_of_a_range(
    interval: str, week_start_day: int, first: str, last: str, starts: list[str]
) -> None:
    bounds = cut(between(first, last), Interval(interval), zone=BERLIN, week_start_day=week_start_day)

    assert [day_of(start, Interval(interval)) for start in bounds[:-1]] == starts
    assert len(bounds) == len(starts) + bool(starts)


def test_a_day_that_a_zone_left_out_is_no_period() -> None:
    apia = ZoneInfo("Pacific/Apia")

    bounds = cut(between("2011-12-29", "2011-12-31", apia), Interval.DAY, zone=apia, week_start_day=0)

    assert [day_of(start, Interval.DAY) for start in bounds] == ["2011-12-29", "2011-12-31", "2012-01-01"]


@pytest.mark.parametrize(
    ("first", "hours"),
    [
        ("2026-04-05 00:00", ["00:00", "01:00", "01:30", "02:00"]),
        ("2026-10-04 00:00", ["00:00", "01:00", "02:30", "03:00"]),
    ],
)
def test_clocks_that_change_by_half_an_hour(first: str, hours: list[str]) -> None:
    island = ZoneInfo("Australia/Lord_Howe")
    asked = DateRange(local(first, island), local(first, island) + timedelta(hours=3))

    bounds = cut(asked, Interval.HOUR, zone=island, week_start_day=0)

    assert [f"{start:%H:%M}" for start in bounds[: len(hours)]] == hours
    for start, end in pairwise(bounds):
        late = DateRange(
            end.astimezone(UTC) - timedelta(seconds=1), end.astimezone(UTC) - timedelta(seconds=1)
        )
        assert cut(late, Interval.HOUR, zone=island, week_start_day=0) == (start, end)


def test_there_are_not_more_periods_than_an_answer_can_hold() -> None:
    with pytest.raises(InvalidInput) as caught:
        cut(between("2015-01-01", "2017-01-01"), Interval.HOUR, zone=BERLIN, week_start_day=0)

    assert caught.value.attr == "interval"
    assert str(MOST_PERIODS) in caught.value.detail


def test_labels() -> None:
    start = datetime(2021, 5, 1, 13, tzinfo=BERLIN)

    assert (day_of(start, Interval.WEEK), label_of(start, Interval.WEEK)) == ("2021-05-01", "1-May-2021")
    assert (day_of(start, Interval.HOUR), label_of(start, Interval.HOUR)) == (
        "2021-05-01 13:00:00", "1-May-2021 13:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "given", "expected"),
    [
        ("day", ("2026-01-05", "2026-01-08 23:59:59"), ("2026-01-01 00:00:00", "2026-01-04 23:59:59")),
        # Clocks change within the range, before it, and the days stay whole.
        ("day", ("2026-03-29", "2026-03-30 23:59:59"), ("2026-03-27 00:00:00", "2026-03-28 23:59:59")),
        ("day", ("2026-03-30", "2026-03-31 23:59:59"), ("2026-03-28 00:00:00", "2026-03-29 23:59:59")),
        ("day", ("2026-01-05 12:00", "2026-01-05 12:59:59"), ("2026-01-04 12:00:00", "2026-01-04 12:59:59")),
        ("hour", ("2026-01-05 12:00", "2026-01-05 13:59:59"), ("2026-01-05 10:00:00", "2026-01-05 11:59:59")),
        ("week", ("2026-01-04", "2026-01-13 23:59:59"), ("2025-12-21 00:00:00", "2025-12-30 23:59:59")),
        ("month", ("2026-02-01", "2026-04-30 23:59:59"), ("2025-11-01 00:00:00", "2026-01-31 23:59:59")),
        ("month", ("2026-03-01", "2026-03-10 23:59:59"), ("2026-02-01 00:00:00", "2026-02-10 23:59:59")),
    ],
)
def test_the_range_before(interval: str, given: tuple[str, str], expected: tuple[str, str]) -> None:
    assert shown(previous(between(*given), Interval(interval), zone=BERLIN)) == expected


def test_before_the_first_times_there_is_no_range() -> None:
    with pytest.raises(InvalidInput) as caught:
        previous(between("1950-01-01", "2026-01-01"), Interval.MONTH, zone=BERLIN)

    assert caught.value.attr == "compare"


@pytest.mark.parametrize(
    ("interval", "given", "count"),
    [
        ("day", ("2020-01-01", "2020-01-08 23:59:59"), 7),
        ("day", ("2026-10-25", "2026-10-25 23:59:59"), 0),
        ("day", ("2026-03-28", "2026-03-30 00:00"), 2),
        ("hour", ("2026-03-29 00:00", "2026-03-29 23:59:59"), 22),
        ("week", ("2020-01-04", "2020-01-06 23:59:59"), 0),
        ("week", ("2020-01-01", "2020-01-08 00:00"), 1),
        ("month", ("2020-01-31", "2020-02-01"), 1),
        ("month", ("2019-11-30", "2020-02-01"), 3),
        ("day", ("2020-01-02", "2020-01-01 23:59:59"), -1),
    ],
)
def test_how_often_an_interval_fits(interval: str, given: tuple[str, str], count: int) -> None:
    assert intervals_between(between(*given), Interval(interval), zone=BERLIN) == count


def test_months_are_clamped() -> None:
    assert shifted(local("2026-03-31 10:00"), 1, Interval.MONTH, zone=BERLIN) == local("2026-02-28 10:00")


def test_days_back_keep_the_time_of_the_clock_and_no_days_change_nothing() -> None:
    second_two = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert before(local("2026-03-30 10:00"), 7, zone=BERLIN) == local("2026-03-23 10:00")
    assert before(second_two, 0, zone=BERLIN) == second_two
