"""Dates: each row a fact of the contract. Now is Wednesday 2021-08-25 10:30:15.5 in Berlin (08:30 UTC)."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.dates import read_dates

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2021, 8, 25, 8, 30, 15, 500_000, tzinfo=UTC)


def dates(*, now: datetime = NOW, zone: ZoneInfo = BERLIN, **given: Any) -> tuple[str, str]:
    """The range as local times."""
    found = read_dates(given, now=now, zone=zone)
    return (
        f"{found.first.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        f"{found.last.astimezone(zone):%Y-%m-%d %H:%M:%S}",
    )


def test_nothing_given_is_seven_days_and_today() -> None:
    assert dates() == ("2021-08-18 00:00:00", "2021-08-25 23:59:59")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("2021-05-01", "2021-05-01 00:00:00"),
        ("2021-5-1", "2021-05-01 00:00:00"),
        ("2021-05-01 13:14:15", "2021-05-01 00:00:00"),
        ("2021-05-01T13:14:15.123456", "2021-05-01 00:00:00"),
        # 23:00 UTC is already the next day in Berlin.
        ("2021-05-01T23:00:00Z", "2021-05-02 00:00:00"),
        ("2021-05-01T23:00+02:00", "2021-05-01 00:00:00"),
        ("2021-05-01T23:00:00-0500", "2021-05-02 00:00:00"),
        ("all", "2015-01-01 00:00:00"),
        ("-7d", "2021-08-18 00:00:00"),
        ("7d", "2021-08-18 00:00:00"),
        ("-14days", "2021-08-11 00:00:00"),
        ("-1day", "2021-08-24 00:00:00"),
        ("dStart", "2021-08-25 00:00:00"),
        ("-1dStart", "2021-08-24 00:00:00"),
        ("-1dEnd", "2021-08-24 00:00:00"),
        ("-2w", "2021-08-11 00:00:00"),
        ("-1m", "2021-07-25 00:00:00"),
        ("-6m", "2021-02-25 00:00:00"),
        ("mStart", "2021-08-01 00:00:00"),
        ("-1mStart", "2021-07-01 00:00:00"),
        ("-1mEnd", "2021-07-31 00:00:00"),
        ("-1q", "2021-05-26 00:00:00"),
        ("-1y", "2020-08-25 00:00:00"),
        ("yStart", "2021-01-01 00:00:00"),
        ("-1yStart", "2020-01-01 00:00:00"),
        ("-1yEnd", "2020-12-31 00:00:00"),
        ("-30M", "2021-08-25 00:00:00"),
        # An h in the text keeps the time.
        ("-24h", "2021-08-24 10:30:15"),
        ("hStart", "2021-08-25 10:00:00"),
        ("hEnd", "2021-08-25 10:59:59"),
    ],
)
def test_date_from(text: str, first: str) -> None:
    assert dates(date_from=text)[0] == first


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2021-05-14", "2021-05-14 23:59:59"),
        ("2021-05-14 00:00:00", "2021-05-14 23:59:59"),
        ("-1d", "2021-08-24 23:59:59"),
        ("-1dStart", "2021-08-24 23:59:59"),
        ("-1mEnd", "2021-07-31 23:59:59"),
        ("-1yEnd", "2020-12-31 23:59:59"),
        ("-24h", "2021-08-24 10:59:59"),
        ("-1hStart", "2021-08-25 09:00:00"),
        ("-1hEnd", "2021-08-25 09:59:59"),
    ],
)
def test_date_to(text: str, last: str) -> None:
    assert dates(date_to=text)[1] == last


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("2021-08-18 00:00:00", "2021-08-25 10:59:59")),
        ({"date_to": "2021-08-24"}, ("2021-08-18 00:00:00", "2021-08-24 00:00:00")),
        ({"date_to": "2021-08-24 12:34:56"}, ("2021-08-18 00:00:00", "2021-08-24 12:34:56")),
        ({"date_from": "2021-08-24 12:34:56"}, ("2021-08-24 12:34:56", "2021-08-25 10:59:59")),
        ({"date_from": "-1d"}, ("2021-08-24 10:30:15", "2021-08-25 10:59:59")),
        ({"date_to": "-1dEnd"}, ("2021-08-18 00:00:00", "2021-08-24 23:59:59")),
        ({"date_to": "-1d"}, ("2021-08-18 00:00:00", "2021-08-24 10:59:59")),
    ],
)
@pytest.mark.parametrize("interval", ["hour", "HOUR", "minute"])
def test_hourly_keeps_times(given: dict[str, Any], expected: tuple[str, str], interval: str) -> None:
    assert dates(interval=interval, **given) == expected


def test_the_example_of_the_contract() -> None:
    now, zone = datetime(2021, 8, 25, tzinfo=UTC), ZoneInfo("UTC")

    daily = dates(now=now, zone=zone, date_from="-48h", interval="day")
    hourly = dates(now=now, zone=zone, date_from="-48h", interval="hour")

    assert daily == ("2021-08-23 00:00:00", "2021-08-25 23:59:59")
    assert hourly == ("2021-08-23 00:00:00", "2021-08-25 00:59:59")


@pytest.mark.parametrize("explicit", [True, "true", "1"])
def test_explicit_dates_are_not_rounded(explicit: Any) -> None:
    assert dates(date_from="2021-08-24 01:02:03.9", date_to="2021-08-24", explicit_date=explicit) == (
        "2021-08-24 01:02:03",
        "2021-08-24 00:00:00",
    )
    assert dates(date_from="-1d", explicit_date=explicit) == ("2021-08-24 10:30:15", "2021-08-25 10:30:15")


def test_months_are_clamped_and_days_follow_the_clock_change() -> None:
    # Summer time began in Berlin on 2021-03-28.
    now = datetime(2021, 3, 31, 10, tzinfo=UTC)

    assert dates(now=now, date_from="-1m", explicit_date=True)[0] == "2021-02-28 12:00:00"
    assert dates(now=now, date_from="-4d", explicit_date=True)[0] == "2021-03-27 12:00:00"
    assert dates(now=now, date_from="-96h", explicit_date=True)[0] == "2021-03-27 11:00:00"


def test_a_day_ends_with_its_last_hour_also_when_that_comes_twice() -> None:
    """In Cairo 2025-10-30 had 25 hours, the last two of them from 23:00 on; Apia had no 2011-12-30."""
    cairo, apia = ZoneInfo("Africa/Cairo"), ZoneInfo("Pacific/Apia")

    twice = read_dates({"date_to": "2025-10-30"}, now=datetime(2026, 1, 1, tzinfo=UTC), zone=cairo)
    left_out = read_dates({"date_to": "2011-12-30"}, now=datetime(2012, 1, 1, tzinfo=UTC), zone=apia)

    assert twice.last == datetime(2025, 10, 30, 21, 59, 59, tzinfo=UTC)
    assert left_out.last == datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "value",
    ["yesterday", "now", "-7x", "-7D", "-30minutes", "-1wStart", "2021-13-01", "2021-02-30", "01.05.2021", "-1d2h",
     "2021-05-01T25:00", "0001-01-01", "9999-12-31", "-999999999d", "-999999999m", 5, ["-7d"], True],
)  # fmt: skip
def test_everything_else_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        dates(**{name: value})

    assert caught.value.attr == name


def test_all_is_no_end_and_an_interval_is_a_word() -> None:
    for given in ({"date_to": "all"}, {"interval": "year"}, {"interval": 5}):
        with pytest.raises(InvalidInput) as caught:
            dates(**given)

        assert caught.value.attr == next(iter(given))
