"""matplotlib, as this program uses it: without pyplot, for SVG alone. Whoever imports this module has it in memory,
55 MB; so only the drawing does, in the worker.
"""

import logging
import os
import warnings
from tempfile import TemporaryDirectory

# It looks for fonts once and notes them in a folder of its own in somebody's home. Text is written as text and browsers
# choose the font, so there is nothing worth keeping.
with TemporaryDirectory() as _folder:
    os.environ["MPLCONFIGDIR"] = _folder
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.ticker import FuncFormatter, MaxNLocator

__all__ = ["Axes", "Figure", "FigureCanvasSVG", "FuncFormatter", "Line2D", "MaxNLocator", "Path", "PathPatch"]

# Whatever file of settings lies about.
matplotlib.rcdefaults()
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        # Ids follow from what they name, so that a picture has the same bytes every time.
        "svg.hashsalt": "persons-api",
        "hatch.linewidth": 1.2,
        # Pixels by which a line of very many points may be off.
        "path.simplify_threshold": 0.5,
        "text.parse_math": False,
        "axes.unicode_minus": True,
    }
)
# The font that widths are guessed by need not have every character.
warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
logging.getLogger("matplotlib").setLevel(logging.ERROR)
