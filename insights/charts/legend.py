"""Which series is which."""

from collections.abc import Sequence

from insights.charts.chart import Series
from insights.charts.looks import look
from insights.charts.sheet import Sheet
from insights.charts.words import short, width

_PITCH = 19
_COLUMNS = 28
_SAMPLE = 22
#: Pixels of a column in this size, rather too many than too few.
_COLUMN = 6.6
FAINT = 0.45


def legend_size(series: Sequence[Series]) -> tuple[float, float]:
    """Width and height in pixels; nothing for a single series."""
    if len(series) < 2:
        return 0, 0
    columns = max(min(width(one.name), _COLUMNS) for one in series)
    return _SAMPLE + 8 + columns * _COLUMN, len(series) * _PITCH


def draw_legend(sheet: Sheet, series: Sequence[Series], x: float, y: float, *, as_lines: bool) -> None:
    """With its upper left corner there."""
    if len(series) < 2:
        return
    for place, one in enumerate(series):
        top = y + place * _PITCH
        alpha = FAINT if one.is_faint else 1
        if as_lines:
            sheet.sample((x, x + _SAMPLE), top + 8, look(one.look), alpha=alpha)
        else:
            sheet.bars([(x + 6, top + 2, x + _SAMPLE, top + 14)], look(one.look), alpha=alpha)
        sheet.text(x + _SAMPLE + 8, top + 12, short(one.name, _COLUMNS), size=11)
