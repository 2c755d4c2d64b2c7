"""A picture in words, for who does not see it."""

from collections.abc import Iterator

from insights.charts.chart import Chart, Form, Series
from insights.charts.words import duration, number, percent, short

#: With more numbers than this, a series is told by its sum and its bounds.
_MOST_NUMBERS = 200
_NAME = 60
_EMPTY = "There is nothing to show."


def described(chart: Chart) -> str:
    """One sentence a series."""
    if chart.is_empty:
        return f"{chart.subtitle}. {_EMPTY}"
    return " ".join([f"{chart.subtitle}.", *_series(chart), chart.note]).rstrip()


def _series(chart: Chart) -> Iterator[str]:
    is_short = len(chart.series) * len(chart.categories) <= _MOST_NUMBERS
    for one in chart.series:
        told = _each(chart, one) if is_short else _in_all(chart, one)
        yield f"{short(one.name, _NAME)}: {told}." if one.name else f"{told}."


def _each(chart: Chart, one: Series) -> str:
    return ", ".join(
        f"{_category(chart, category)} {_value(chart, one, value)}"
        for category, value in zip(chart.categories, one.values, strict=False)
    )


def _category(chart: Chart, category: str) -> str:
    return f"from {duration(float(category))}" if chart.form is Form.TIMES else short(category, _NAME)


def _value(chart: Chart, one: Series, value: float) -> str:
    text = number(value) + chart.unit
    return f"{text} ({percent(value, one.values[0])})" if chart.form is Form.STEPS else text


def _in_all(chart: Chart, one: Series) -> str:
    least, most = (number(bound) + chart.unit for bound in (min(one.values), max(one.values)))
    return f"{len(one.values)} numbers from {least} to {most}"
