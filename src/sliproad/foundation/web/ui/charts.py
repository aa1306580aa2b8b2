"""Charts drawn on the server as SVG: no script, and the same figures as a table for whoever can't see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.ui.moments import clock_time, number

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 16, 34
MOST_ROWS = 60
STEPS = (1, 2, 2.5, 5, 10)
Point = tuple[datetime | float, float]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values land on the drawing."""

    first: float
    last: float
    top: float

    def x(self, value: float) -> float:
        span = self.last - self.first or 1
        return round(LEFT + (value - self.first) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)


def line_chart(points: Sequence[Point], *, label: str, unit: str) -> Markup:
    """A line over time (or any numbers), from zero up; `label` names it, `unit` stands at its axis. Nothing for less than two points."""
    if len(points) < 2:
        return Markup("")
    xs, ys = [_at(x) for x, _value in points], [value for _x, value in points]
    step = _step(max(*ys, 0.0))
    top = step
    while top < max(ys):
        top += step
    frame = _Frame(xs[0], xs[-1], top)
    path = " ".join(f"{frame.x(x)},{frame.y(max(y, 0))}" for x, y in zip(xs, ys, strict=True))
    ground = f"{frame.x(xs[0])},{frame.y(0)} {path} {frame.x(xs[-1])},{frame.y(0)}"
    return Markup(
        '<figure class="chart"><figcaption>{label}</figcaption><svg viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{grid}{times}'
        '<polygon class="chart-ground" points="{ground}"/><polyline class="chart-line" points="{path}"/></svg>{table}</figure>'
    ).format(
        w=WIDTH, h=HEIGHT, label=f"{label} ({unit})", grid=_grid(frame, step), times=_times(frame, points),
        ground=ground, path=path, table=_table(points, label, unit),
    )  # fmt: skip


def _grid(frame: _Frame, step: float) -> Markup:
    parts, value = [], 0.0
    while value <= frame.top + step / 2:
        y = frame.y(value)
        parts.append(
            Markup('<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(LEFT, WIDTH - RIGHT, y, y)
        )
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 8, y + 5, number(value)))
        value += step
    return Markup("").join(parts)


def _times(frame: _Frame, points: Sequence[Point]) -> Markup:
    shown = (points[0], points[len(points) // 2], points[-1]) if len(points) > 4 else (points[0], points[-1])
    anchors = ("start", "middle", "end") if len(shown) == 3 else ("start", "end")
    return Markup("").join(
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(frame.x(_at(x)), HEIGHT - 8, anchor, _name(x))
        for (x, _value), anchor in zip(shown, anchors, strict=True)
    )


def _table(points: Sequence[Point], label: str, unit: str) -> Markup:
    every = max(1, -(-len(points) // MOST_ROWS))
    rows = Markup("").join(
        Markup("<tr><td>{}</td><td>{}</td></tr>").format(_name(x), number(value)) for x, value in points[::every]
    )
    return Markup(
        '<details class="chart-figures"><summary>{}</summary><div class="scroll" tabindex="0" role="region" aria-label="{}">'
        '<table><thead><tr><th scope="col">{}</th><th scope="col">{} ({})</th></tr></thead><tbody>{}</tbody></table></div></details>'
    ).format(_("Show the figures"), label, _("Time"), label, unit, rows)


def _at(x: datetime | float) -> float:
    return x.timestamp() if isinstance(x, datetime) else float(x)


def _name(x: datetime | float) -> str:
    return clock_time(x) if isinstance(x, datetime) else number(x)


def _step(largest: float) -> float:
    """A round distance between lines, about four of them."""
    rough, power = largest / 4 or 0.25, 1.0
    while power * 10 <= rough:
        power *= 10
    while power > rough:
        power /= 10
    return next(step * power for step in STEPS if step * power >= rough)
