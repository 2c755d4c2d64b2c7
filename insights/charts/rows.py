"""Bars that lie: steps of a funnel one below the other, and numbers of the whole range. Rows have room for long names
and for many values.
"""

from insights.charts.chart import Chart, Form, Series
from insights.charts.legend import draw_legend, legend_size
from insights.charts.looks import QUIET, Look, lighter, look, plain_look
from insights.charts.sheet import Sheet
from insights.charts.words import number, percent, short, width

#: With more values each row has the name of its own, for a legend would be a riddle.
_LEGEND = 8
_NAME_COLUMNS = 36
#: Pixels of a column, rather too many than too few.
_COLUMN, _BOLD_COLUMN = 7.4, 8.6
_LEFT, _RIGHT = 28, 24
#: For what stands behind a bar.
_FIGURES = 170
_HEADING = 26
_GAP = 14
_DROPPED = 0.78


def rows_height(chart: Chart) -> float:
    """In pixels."""
    groups = len(chart.categories)
    if len(chart.series) == 1:
        return groups * _pitch(chart)
    bars = len(chart.series) * _pitch(chart)
    return max(groups * (_HEADING + bars + _GAP) - _GAP, legend_size(_explained(chart))[1])


def draw_rows(sheet: Sheet, chart: Chart, top: float) -> None:
    """From ``top`` on down."""
    legend_width, _ = legend_size(_explained(chart))
    names = _names(chart)
    x = _LEFT + (max(min(width(name), _NAME_COLUMNS) for name in names) * _COLUMN + 12 if names else 0)
    right = sheet.width - _RIGHT - (legend_width + 24 if legend_width else 0)
    draw_legend(sheet, _explained(chart), sheet.width - _RIGHT - legend_width, top + 4, as_lines=False)
    numbers = [value for one in chart.series for value in one.values]
    scale = _Scale(x, right - _FIGURES, min(numbers), max(numbers))
    y = top
    for place, category in enumerate(chart.categories):
        start = y
        if len(chart.series) > 1:
            sheet.text(x, y + 15, short(category, (right - x) / _BOLD_COLUMN), size=13, is_bold=True)
            y += _HEADING
        for one in chart.series:
            name = category if len(chart.series) == 1 else one.name
            if names:
                text = short(name, _NAME_COLUMNS)
                sheet.text(x - 12, y + _pitch(chart) / 2 + 4, text, size=_size(chart), anchor="right")
            _draw_row(sheet, chart, one, place, y, scale)
            y += _pitch(chart)
        sheet.line((scale.zero, scale.zero), (start + (_HEADING if len(chart.series) > 1 else 0), y))
        y += _GAP if len(chart.series) > 1 else 0


class _Scale:
    """From numbers to pixels."""

    def __init__(self, left: float, right: float, least: float, most: float) -> None:
        least, most = min(least, 0), max(most, 0)
        self._pixels = (right - left) / (most - least) if most > least else 0
        self.zero = left - least * self._pixels

    def __call__(self, value: float) -> float:
        return self.zero + value * self._pixels


def _draw_row(sheet: Sheet, chart: Chart, one: Series, place: int, y: float, scale: _Scale) -> None:
    pitch = _pitch(chart)
    inset = pitch * (0.2 if len(chart.series) == 1 else 0.12)
    top, bottom = y + inset, y + pitch - inset
    value = one.values[place]
    # Where each row has a name, colours suffice.
    looks = look(one.look) if len(chart.series) <= _LEGEND else plain_look(one.look)
    end = scale(value)
    sheet.bars([(scale.zero, top, end, bottom)], looks)
    if chart.form is Form.TOTALS:
        sheet.text(
            max(end, scale.zero) + 8, y + pitch / 2 + 4, number(value), size=_size(chart), is_bold=True
        )
        return
    before = one.values[place - 1] if place else value
    if before > value:
        # What was lost is a shade of what was there.
        sheet.bars([(end, top, scale(before), bottom)], Look(lighter(looks.colour, _DROPPED), "", "solid"))
    x = scale(max(before, value)) + 8
    rate = f"{number(value)} ({percent(value, one.values[0])})"
    if len(chart.series) > 1:
        sheet.text(x, y + pitch / 2 + 4, rate, size=_size(chart))
        return
    sheet.text(x, y + pitch / 2 + (-2 if place else 4), rate, is_bold=True)
    if place:
        lost = before - value
        text = f"{number(-lost)} dropped off ({percent(lost, before)})" if lost else "nobody dropped off"
        sheet.text(x, y + pitch / 2 + 13, text, size=10.5, colour=QUIET)


def _explained(chart: Chart) -> tuple[Series, ...]:
    """What needs a legend."""
    return chart.series if len(chart.series) <= _LEGEND else ()


def _names(chart: Chart) -> tuple[str, ...]:
    """What stands left of the rows."""
    if len(chart.series) == 1:
        return chart.categories
    return () if len(chart.series) <= _LEGEND else tuple(one.name for one in chart.series)


def _pitch(chart: Chart) -> float:
    if len(chart.series) == 1:
        return 46 if chart.form is Form.STEPS else 30
    return 22 if len(chart.series) <= _LEGEND else 18


def _size(chart: Chart) -> float:
    return 12 if len(chart.series) <= _LEGEND else 11
