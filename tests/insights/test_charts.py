"""From results to charts, and from charts to pictures, without a server."""

import ast
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from insights.charts.chart import MOST_LOOKS, Chart, Form, Series
from insights.charts.draw import draw
from insights.charts.ticks import period_ticks
from insights.charts.trend import insight_chart
from insights.charts.words import clean, duration, number, percent, short, value_name, width
from insights.filters.project import ProjectFacts
from tests.insights.example_charts import DATES, EXAMPLES, IMAGES, SITE, chart_of_funnel, series, steps

pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing")
ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
#: Names that are hard on documents, on widths and on eyes.
NAMES = [
    "<script>alert(1)</script>",
    "a & b ]]> <!-- \"'",
    "$x^2$ and \\(y\\)",
    "متصفح كروم",
    "浏览器" * 30,
    "👩‍👩‍👧" * 30,
    "W" * 400,
    "_hidden",
    "two\nlines\t\x00\x01\u202e\ufffe",
    "",
]


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - it is our own


def texts(svg: str) -> list[str]:
    """What can be read, in the order of the document."""
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]


def told(svg: str) -> tuple[str, str]:
    """Title and description."""
    root = parsed(svg)
    assert (root[0].tag, root[1].tag) == (f"{SVG}title", f"{SVG}desc")
    return root[0].text or "", root[1].text or ""


def many(form: Form, count: int, length: int) -> Chart:
    """A chart of so many series, by days."""
    days = tuple(f"2026-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(length))
    return Chart(
        form=form,
        title="many",
        subtitle="",
        categories=days,
        series=tuple(
            Series(
                clean(NAMES[place % len(NAMES)]),
                tuple(place * day % 13 - 3.5 for day in range(length)),
                place,
            )
            for place in range(count)
        ),
        by="day",
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documents_show_what_is_drawn(name: str) -> None:
    """Also when another version of the library draws lines a little otherwise."""
    committed = (IMAGES / f"chart-{name}.svg").read_text()

    svg = draw(EXAMPLES[name]())

    assert (told(committed), texts(committed)) == (told(svg), texts(svg))


@pytest.mark.parametrize("form", [form for form in Form if form is not Form.TIMES])
@pytest.mark.parametrize(("count", "length"), [(1, 1), (2, 3), (MOST_LOOKS, 9)])
def test_every_form_is_drawn_whatever_names_and_numbers_are(form: Form, count: int, length: int) -> None:
    chart = many(form, count, length)

    svg = draw(Chart.of_json(json.loads(json.dumps(chart.as_json()))))

    assert svg == draw(chart)
    root = parsed(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "defs", "style", "g", "path", "text", "use", "clipPath", "rect", "pattern"
    }  # fmt: skip
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1999/xlink", ""
    )
    assert "<!" not in svg
    assert not [id_ for id_ in ids(root) if f"#{id_}" not in svg]


def ids(root: ElementTree.Element) -> list[str]:
    return [element.attrib["id"] for element in root.iter() if "id" in element.attrib]


def test_ten_thousand_hours_are_lines_and_not_too_large() -> None:
    chart = many(Form.STACKED, 4, 300)
    longer = Chart.of_json(
        {
            **chart.as_json(),
            "categories": chart.categories * 33,
            "series": [{**one, "values": one["values"] * 33} for one in chart.as_json()["series"]],
        }
    )

    assert len(draw(longer)) < 300_000


def test_steps_have_counts_rates_and_losses() -> None:
    chart = chart_of_funnel(
        steps({"looked": 400, "signed up": 300, "ordered": 0}),
        {"events": [{"id": "looked"}, {"id": "signed up"}, {"id": "ordered"}], **DATES},
    )

    svg = draw(chart)

    about = "persons · within 14d · 4 Jan 2026 \N{EN DASH} 17 Jan 2026 · Europe/Berlin"
    assert told(svg) == (
        "looked → signed up → ordered",
        f"{about}. looked 400 (100%), signed up 300 (75%), ordered 0 (0%).",
    )
    assert texts(svg) == [
        "looked → signed up → ordered", about,
        "looked", "400 (100%)",
        "signed up", "300 (75%)", "\N{MINUS SIGN}100 dropped off (25%)",
        "ordered", "0 (0%)", "\N{MINUS SIGN}300 dropped off (100%)",
    ]  # fmt: skip


def test_few_values_have_a_legend_and_many_are_named_in_their_rows() -> None:
    given = {"events": [{"id": "looked"}, {"id": "ordered"}], "breakdown": ["a", "b"], **DATES}

    def drawn(count: int) -> list[str]:
        found = [
            steps({"looked": 9, "ordered": 3}, breakdown_value=[f"v{place}", ""]) for place in range(count)
        ]
        return texts(draw(chart_of_funnel(found, given)))

    assert drawn(8)[0] == "looked → ordered, by a, b"
    assert [drawn(8).count(name) for name in ("v0, not set", "v7, not set")] == [1, 1]
    assert [drawn(25).count(name) for name in ("v0, not set", "v24, not set")] == [2, 2]


def test_what_cannot_be_told_apart_is_not_drawn_and_a_note_says_so() -> None:
    found = [steps({"looked": 9}, breakdown_value=[str(place)]) for place in range(40)]

    chart = chart_of_funnel(found, {"events": [{"id": "looked"}], "breakdown": "a", "breakdown_limit": 40})

    assert len(chart.series) == MOST_LOOKS
    assert texts(draw(chart))[-1] == "The first 28 of 40 are drawn; the answer as JSON has all."


def test_rates_of_a_trend_and_times_to_convert() -> None:
    events = {"events": [{"id": "looked"}, {"id": "ordered"}], **DATES}
    rates = [{"data": [50, 33.33], "days": ["2026-01-04", "2026-01-05"], "breakdown_value": ["x"]}]
    times = {"bins": [[2220, 2], [42510, 0], [82800, 1]], "average_conversion_time": 29540}

    trend = chart_of_funnel(rates, {**events, "breakdown": "b", "funnel_viz_type": "trends"})
    convert = chart_of_funnel(times, {**events, "breakdown": "b", "funnel_viz_type": "time_to_convert"})

    assert told(draw(trend))[1].endswith("x: 2026-01-04 50%, 2026-01-05 33.33%.")
    assert told(draw(convert))[0] == "looked → ordered"
    assert told(draw(convert))[1].startswith("time to convert, average 8h 12min · ")
    assert told(draw(convert))[1].endswith("from 37min 2, from 11h 48min 0, from 23h 1.")


@pytest.mark.parametrize(
    ("result", "given"),
    [
        ([], {}),
        ([], {"funnel_viz_type": "trends"}),
        ({"bins": [], "average_conversion_time": None}, {"funnel_viz_type": "time_to_convert"}),
    ],
    ids=["steps", "trends", "times"],
)
def test_a_funnel_of_nothing_says_so(result: Any, given: dict[str, Any]) -> None:
    svg = draw(chart_of_funnel(result, given))

    assert told(svg)[0] == "Funnel"
    assert texts(svg)[-1] == "Nothing to show"


@pytest.mark.parametrize("insight", ["", "stickiness", "lifecycle"])
def test_an_insight_of_nothing_says_so(insight: str) -> None:
    svg = draw(insight_chart(insight, [], DATES, SITE, has_more=False))

    assert (told(svg)[0], texts(svg)[-1]) == ("Insight", "Nothing to show")


def test_series_are_named_by_what_tells_them_apart() -> None:
    action = {"name": "paid", "custom_name": "Orders", "order": 1, "math": "sum", "math_property": "price"}
    found = [
        series("bought", [1], breakdown_value="free", label="bought - free", compare_label="current"),
        series("bought", [2, 3], breakdown_value="free", label="bought - free", compare_label="previous"),
        series("paid", [4], breakdown_value=7, label="Orders - Friends", action=action),
    ]
    found[0]["days"] = ["2026-01-04"]

    chart = insight_chart("", found, {"breakdown": "plan", "interval": "week"}, SITE, has_more=True)

    assert chart.title == "bought · Orders (sum of price), by plan"
    assert chart.note == "There are more values: ask with offset."
    assert [(one.name, one.values, one.look, one.is_faint) for one in chart.series] == [
        ("bought · free · current", (1,), 0, False),
        ("bought · free · previous", (2,), 0, True),
        ("Orders (sum of price) · Friends", (4,), 1, False),
    ]


def test_displays_of_one_value_are_rows() -> None:
    found = [
        series("bought", [], breakdown_value=value, label=f"bought - {value}", aggregated_value=total)
        for value, total in (("free", 12345.678), ("", -2))
    ]

    svg = draw(insight_chart("", found, {"breakdown": "plan"}, ProjectFacts(1), has_more=False))

    assert texts(svg)[2:] == ["free", "12,345.68", "not set", "\N{MINUS SIGN}2"]


def test_hours_are_those_of_the_answer_also_when_clocks_change() -> None:
    days = [f"2026-10-25 {hour:02}:00:00" for hour in (0, 1, 2, 2, 3, 4, 5)]

    assert period_ticks(days, "hour", most=9) == [
        (0, "00:00\n25 Oct"), (1, "01:00"), (2, "02:00"), (3, "02:00"), (4, "03:00"), (5, "04:00"), (6, "05:00")
    ]  # fmt: skip
    assert period_ticks(days, "hour", most=5) == [(0, "00:00\n25 Oct"), (2, "02:00"), (5, "04:00")]


def test_a_year_stands_where_it_begins() -> None:
    months = ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"]
    weeks = ["2025-12-21", "2025-12-28", "2026-01-04"]

    assert [name for _, name in period_ticks(months, "month", most=9)] == [
        "Nov\n2025", "Dec", "Jan\n2026", "Feb"
    ]  # fmt: skip
    assert [name for _, name in period_ticks(weeks, "week", most=9)] == [
        "21 Dec\n2025", "28 Dec", "4 Jan\n2026"
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 9, 10, 25, 365, 10_000])
@pytest.mark.parametrize("by", ["hour", "day"])
def test_there_is_room_for_the_names_of_an_axis(count: int, by: str) -> None:
    days = [
        f"{2000 + place // 8064}-{place // 672 % 12 + 1:02}-{place // 24 % 28 + 1:02} {place % 24:02}:00:00"
        for place in range(count)
    ]

    assert 1 <= len(period_ticks(days, by, most=9)) <= 10


@pytest.mark.parametrize(
    ("text", "columns", "found"),
    [
        ("looked", 6, "looked"),
        ("looked at", 7, "looked…"),
        ("浏览器", 6, "浏览器"),
        ("浏览器", 5, "浏览…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("👩‍👩‍👧👩‍👩‍👧", 3, "👩‍👩‍👧…"),
        ("🇩🇪🇫🇷", 3, "🇩🇪…"),
        ("👍🏽👍🏽", 3, "👍🏽…"),
    ],
    ids=range(8),
)
def test_names_are_cut_between_what_is_seen_as_characters(text: str, columns: int, found: str) -> None:
    assert short(text, columns) == found
    assert width(found) <= columns


def test_names_lose_what_no_document_can_hold() -> None:
    assert clean(" two\nlines\t\x00\x01\u202etxt\ufffe 👩‍👧 ") == "two linestxt 👩‍👧".replace(
        "lines", "lines "
    )


def test_numbers_in_words() -> None:
    assert [number(value) for value in (0, 1234567, 0.255, 2.5, -3)] == [
        "0", "1,234,567", "0.26", "2.5", "\N{MINUS SIGN}3"
    ]  # fmt: skip
    assert [percent(part, 3000) for part in (0, 1, 1000, 2999, 3000)] == [
        "0%", "<0.1%", "33.3%", ">99.9%", "100%"
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (0, 59, 3600, 5400, 90061)] == [
        "0s", "59s", "1h", "1h 30min", "1d 1h"
    ]  # fmt: skip
    assert [value_name(texts) for texts in ([""], ["", "x"], ["", ""])] == [
        "not set",
        "not set, x",
        "not set",
    ]


def test_processes_that_answer_do_without_the_library() -> None:
    """It takes 55 MB; only the worker has it, from its first picture on."""
    seen: set[str] = set()
    waiting = ["insights.api.trend", "insights.api.funnel_insight", "insights.tasks"]
    while waiting:
        name = waiting.pop()
        path = ROOT / f"{name.replace('.', '/')}.py"
        if name not in seen and path.exists():
            seen.add(name)
            waiting.extend(imported_at_once(path))

    assert {"insights.charts.trend", "insights.questions"} <= seen
    assert seen.isdisjoint({"insights.charts.draw", "insights.charts.library"})


def imported_at_once(path: Path) -> set[str]:
    """The modules that a module imports when it is imported itself."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
