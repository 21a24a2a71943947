"""The pictures of the report, drawn by matplotlib as SVG: the same curves give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.rows import Curve


@dataclass(frozen=True, slots=True)
class Picture:
    """Title and axes; both axes are logarithmic."""

    title: str
    x: str
    y: str
    marks: tuple[float, ...] = ()
    """Heights at which a line is drawn."""
    levels: tuple[tuple[float, str], ...] = ()
    """Places on the x axis that have a name."""


LEVELS: Final = (
    (0.58, "50,000 a day,\nas of 10,000 users"),
    (5.8, "500,000 a day,\nas of 100,000 users"),
    (58.0, "5,000,000 a day,\nas of 1,000,000 users"),
    (579.0, "50,000,000\na day"),
)
PICTURES: Final = {
    "scale": Picture(
        title="How far the plain recipe, micro-batch and Lambda go",
        x="events per second",
        y="event to view, p99 ms",
        marks=(100.0, 500.0, 1000.0),
        levels=LEVELS,
    ),
    "films": Picture("Cost of one change against the list's length", "films in the list", "milliseconds"),
    "reads": Picture("GET /stats and the constant answer", "clients", "requests per second"),
}


def draw(name: str, curves: Sequence[Curve]) -> str:
    """Draw a picture of its curves; models are dashed, and say so. Raises KeyError for an unknown one."""
    import matplotlib as mpl  # a second to import, and no measure needs it
    from matplotlib.figure import Figure

    picture = PICTURES[name]
    settings = {"svg.hashsalt": "cinematch", "svg.fonttype": "path", "font.size": 10}
    with mpl.rc_context(settings):  # type: ignore[arg-type]  # the stubs list each name
        figure = Figure(figsize=(8, 5.0), layout="constrained")
        axes = figure.add_subplot()
        for curve in curves:
            if curve.picture == name:
                _add(axes, curve)
        for height in picture.marks:
            axes.axhline(height, color="0.75", linewidth=0.8, zorder=0)
        for place, level in picture.levels:
            axes.axvline(place, color="0.75", linewidth=0.8, zorder=0)
            axes.text(place, 1.0, f" {level}", transform=axes.get_xaxis_transform(), va="top", fontsize=7, color="0.4")
        axes.set(title=picture.title, xlabel=picture.x, ylabel=picture.y, xscale="log", yscale="log")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)  # it would hide points within the axes
        axes.grid(visible=True, color="0.9", linewidth=0.5)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _add(axes: object, curve: Curve) -> None:
    style = {"linestyle": "--", "alpha": 0.7} if curve.is_model else {"marker": "o"}
    label = f"{curve.label} (model)" if curve.is_model else f"{curve.label} (measured)"
    axes.plot(curve.x, curve.y, label=label, **style)  # type: ignore[attr-defined]
