"""Numbers by interval, and histograms: lines and bars that stand on an axis."""

from collections.abc import Sequence

from insights.charts.chart import Chart, Form, Series
from insights.charts.legend import FAINT, draw_legend, legend_size
from insights.charts.library import Axes, FuncFormatter, MaxNLocator
from insights.charts.looks import GRID, INK, LINE, QUIET, look
from insights.charts.sheet import Rectangle, Sheet, add_bars
from insights.charts.ticks import period_ticks, plain_ticks
from insights.charts.words import compact, duration, number

_LEFT, _RIGHT = 64, 28
_HEIGHT, _BELOW = 330, 44
#: Pixels for the name of a period.
_TICK = 74
#: More bars than this would be thinner than a pixel.
_MOST_BARS = 800
#: So few bars have room for their numbers.
_FEW_BARS = 16
_BAR_SHARE = 0.8


def upright_height(chart: Chart) -> float:
    """In pixels, with the names below the axis."""
    return max(_HEIGHT + _BELOW, legend_size(chart.series)[1])


def draw_upright(sheet: Sheet, chart: Chart, top: float) -> None:
    """From ``top`` on down."""
    legend_width, _ = legend_size(chart.series)
    wide = sheet.width - _LEFT - _RIGHT - (legend_width + 20 if legend_width else 0)
    axes = sheet.axes(_LEFT, top, wide, upright_height(chart) - _BELOW)
    as_lines = chart.form is Form.LINES or len(chart.categories) > _MOST_BARS
    draw_legend(sheet, chart.series, sheet.width - _RIGHT - legend_width, top, as_lines=as_lines)
    if as_lines:
        low, high = _draw_lines(axes, chart)
    else:
        low, high = _DRAWERS[chart.form](axes, chart)
    _finish(axes, chart, low, high)
    _name_categories(axes, chart, most=max(int(wide // _TICK), 2))
    if chart.mark is not None:
        axes.axvline(chart.mark, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))


Bounds = tuple[float, float]


def _draw_lines(axes: Axes, chart: Chart) -> Bounds:
    marker = "o" if len(chart.categories) <= 40 else ""
    for one in chart.series:
        looks = look(one.look)
        axes.plot(
            range(len(one.values)),
            one.values,
            color=looks.colour,
            linestyle=looks.dash,
            linewidth=2,
            marker=marker,
            markersize=4,
            alpha=FAINT if one.is_faint else 1,
            # A point at the edge is seen whole.
            clip_on=False,
        )
    axes.set_xlim(-0.3, max(len(chart.categories) - 0.7, 0.3))
    return _bounds(value for one in chart.series for value in one.values)


def _draw_bars(axes: Axes, chart: Chart) -> Bounds:
    thick = _BAR_SHARE / len(chart.series)
    for which, one in enumerate(chart.series):
        left = -_BAR_SHARE / 2 + which * thick
        bars = [
            (place + left, 0, place + left + thick * 0.94, value) for place, value in enumerate(one.values)
        ]
        _add(axes, one, bars)
    axes.set_xlim(-0.6, len(chart.categories) - 0.4)
    if len(chart.series) == 1:
        _name_bars(axes, list(enumerate(chart.series[0].values)))
    return _bounds(value for one in chart.series for value in one.values)


def _draw_stacked(axes: Axes, chart: Chart) -> Bounds:
    above, below = [0.0] * len(chart.categories), [0.0] * len(chart.categories)
    for one in chart.series:
        bars: list[Rectangle] = []
        for place, value in enumerate(one.values):
            pile = above if value >= 0 else below
            bars.append((place - 0.4, pile[place], place + 0.4, pile[place] + value))
            pile[place] += value
        _add(axes, one, bars)
    axes.set_xlim(-0.6, len(chart.categories) - 0.4)
    return _bounds([*above, *below])


def _draw_times(axes: Axes, chart: Chart) -> Bounds:
    starts, wide = _bins(chart)
    (series,) = chart.series
    gap = wide * 0.015
    _add(
        axes,
        series,
        [
            (start + gap, 0, start + wide - gap, value)
            for start, value in zip(starts, series.values, strict=True)
        ],
    )
    axes.set_xlim(starts[0] - wide * 0.2, starts[-1] + wide * 1.2)
    _name_bars(
        axes,
        [(start + wide / 2, value) for start, value in zip(starts, series.values, strict=True)],
    )
    return _bounds(series.values)


_DRAWERS = {Form.BARS: _draw_bars, Form.STACKED: _draw_stacked, Form.TIMES: _draw_times}


def _add(axes: Axes, one: Series, bars: Sequence[Rectangle]) -> None:
    add_bars(axes, bars, look(one.look), alpha=FAINT if one.is_faint else 1)


def _name_bars(axes: Axes, bars: Sequence[tuple[float, float]]) -> None:
    """Write numbers above bars, if they are few."""
    if len(bars) > _FEW_BARS:
        return
    for x, value in bars:
        axes.annotate(
            number(value),
            (x, value),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="baseline",
            fontsize=11,
            color=INK,
        )


def _bounds(numbers: Sequence[float] | object) -> Bounds:
    found = [0.0, *numbers]  # type: ignore[misc]
    return min(found), max(found)


def _bins(chart: Chart) -> tuple[list[float], float]:
    """Where bins begin, and how wide they are."""
    starts = [float(start) for start in chart.categories]
    return starts, starts[1] - starts[0] if len(starts) > 1 else 60


def _finish(axes: Axes, chart: Chart, low: float, high: float) -> None:
    if low == high:
        high = low + 1
    room = (high - low) * 0.08
    axes.set_ylim(low - room if low < 0 else 0, high + room if high > 0 else 0)
    is_whole = all(value == int(value) for one in chart.series for value in one.values)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=is_whole, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value) + chart.unit))
    axes.grid(axis="y", color=GRID, linewidth=1)
    axes.set_axisbelow(True)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.set_facecolor("none")
    if low < 0:
        axes.axhline(0, color=LINE, linewidth=1)
        axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="both", length=0, labelsize=11, labelcolor=QUIET, pad=7)


def _name_categories(axes: Axes, chart: Chart, *, most: int) -> None:
    if chart.form is Form.TIMES:
        starts, _ = _bins(chart)
        places = [place for place, _ in plain_ticks(chart.categories, most=most)]
        axes.set_xticks([starts[place] for place in places], [duration(starts[place]) for place in places])
        return
    named = (
        period_ticks(chart.categories, chart.by, most=most)
        if chart.by
        else plain_ticks(chart.categories, most=most)
    )
    # Names of one line stand on the first line of those of two.
    lines = max(name.count("\n") for _, name in named)
    names = [name + "\n " * (lines - name.count("\n")) for _, name in named]
    axes.set_xticks([place for place, _ in named], names)
