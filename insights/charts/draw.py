"""From a chart to a picture. Only workers import this: it needs matplotlib."""

from threading import Lock

from insights.charts.chart import Chart, Form
from insights.charts.description import described
from insights.charts.document import finished
from insights.charts.looks import QUIET
from insights.charts.rows import draw_rows, rows_height
from insights.charts.sheet import Sheet
from insights.charts.upright import draw_upright, upright_height

_WIDTH = 960
_LEFT = 28
_TOP, _BOTTOM, _NOTE = 88, 20, 22
_EMPTY = 120
#: matplotlib draws one picture at a time.
_one_at_a_time = Lock()


def draw(chart: Chart) -> str:
    """SVG: the same text for the same chart."""
    with _one_at_a_time:
        svg = _draw(chart).as_svg()
    return finished(svg, title=chart.title, description=described(chart))


def _draw(chart: Chart) -> Sheet:
    lies = chart.form in (Form.STEPS, Form.TOTALS)
    if chart.is_empty:
        height: float = _EMPTY
    else:
        height = rows_height(chart) if lies else upright_height(chart)
    sheet = Sheet(_WIDTH, _TOP + height + _BOTTOM + (_NOTE if chart.note else 0))
    sheet.text(_LEFT, 38, chart.title, size=18, is_bold=True)
    sheet.text(_LEFT, 60, chart.subtitle, size=12, colour=QUIET)
    if chart.is_empty:
        middle = _TOP + height / 2
        sheet.text(_WIDTH / 2, middle, "Nothing to show", size=14, colour=QUIET, anchor="center")
    elif lies:
        draw_rows(sheet, chart, _TOP)
    else:
        draw_upright(sheet, chart, _TOP)
    if chart.note:
        sheet.text(_LEFT, sheet.height - 16, chart.note, size=11, colour=QUIET)
    return sheet
