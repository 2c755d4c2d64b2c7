"""A white sheet of so many pixels: x goes right and y down."""

from collections.abc import Iterable
from io import BytesIO
from typing import Literal

from insights.charts.library import Axes, Figure, FigureCanvasSVG, Line2D, Path, PathPatch
from insights.charts.looks import INK, LINE, PAPER, Look

Anchor = Literal["left", "center", "right"]
#: x and y of two corners.
Rectangle = tuple[float, float, float, float]
_POINTS = 72


class Sheet:
    """Takes what is drawn; ``as_svg`` gives it back."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._figure = Figure(figsize=(width / _POINTS, height / _POINTS), dpi=_POINTS, facecolor=PAPER)
        FigureCanvasSVG(self._figure)
        self._whole = self._figure.add_axes((0, 0, 1, 1))
        self._whole.set_axis_off()
        self._whole.set_xlim(0, width)
        self._whole.set_ylim(height, 0)
        self._whole.set_zorder(2)
        self._bars: dict[tuple[Look, float], list[Rectangle]] = {}

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        colour: str = INK,
        anchor: Anchor = "left",
        is_bold: bool = False,
    ) -> None:
        """``y`` is where the letters stand."""
        self._whole.text(
            x,
            y,
            text,
            fontsize=size,
            color=colour,
            ha=anchor,
            va="baseline",
            fontweight=600 if is_bold else 400,
            parse_math=False,
        )

    def line(self, xs: tuple[float, float], ys: tuple[float, float], *, colour: str = LINE) -> None:
        self._whole.add_line(Line2D(xs, ys, color=colour, linewidth=1))

    def sample(self, xs: tuple[float, float], y: float, look: Look, *, alpha: float) -> None:
        """A piece of a series that is drawn as a line."""
        line = Line2D(xs, (y, y), color=look.colour, linewidth=2.5, linestyle=look.dash, alpha=alpha)
        self._whole.add_line(line)

    def bars(self, rectangles: Iterable[Rectangle], look: Look, *, alpha: float = 1) -> None:
        """Those of one look become one shape: a shape takes longer than its rectangles."""
        self._bars.setdefault((look, alpha), []).extend(rectangles)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes with the frame of their coordinates there; what is drawn into them lies below everything else."""
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        return self._figure.add_axes(place)

    def as_svg(self) -> bytes:
        """The document as matplotlib writes it. For once."""
        for (look, alpha), rectangles in self._bars.items():
            add_bars(self._whole, rectangles, look, alpha=alpha)
        file = BytesIO()
        nothing = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        self._figure.savefig(file, format="svg", metadata=nothing)
        return file.getvalue()


def add_bars(axes: Axes, rectangles: Iterable[Rectangle], look: Look, *, alpha: float = 1) -> None:
    """Rectangles in coordinates of ``axes``."""
    vertices: list[tuple[float, float]] = []
    for left, bottom, right, top in rectangles:
        vertices += [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    if not vertices:
        return
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(vertices) // 5)
    # What is drawn does not change the bounds of the axes.
    axes.add_artist(
        PathPatch(
            Path(vertices, codes),
            facecolor=look.colour,
            edgecolor=PAPER,
            linewidth=0,
            hatch=look.hatch or None,
            alpha=alpha,
            clip_on=False,
        )
    )
