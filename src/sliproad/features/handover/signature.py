"""A signature drawn with a finger: strokes of points, in pixels of the sheet it was drawn on, y downwards. REST and pages take it."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from sliproad.features.handover.certificate.record import Stroke

Coordinate = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Signature = Annotated[
    list[Annotated[list[Point], Field(min_length=1, max_length=2000)]],
    Field(max_length=200, examples=[[[[12.5, 40.0], [18.0, 22.5], [31.0, 44.0]]]]),
]
"""At most 200 strokes of 2,000 points `[x, y]`: a name takes about ten of fifty."""


def strokes_of(drawn: Iterable[Sequence[Sequence[float]]]) -> tuple[Stroke, ...]:
    """The strokes as the certificate's record keeps them; a mere dot gets a second point, so that it is drawn."""
    strokes = (tuple((float(x), float(y)) for x, y in stroke) for stroke in drawn)
    return tuple(stroke if len(stroke) > 1 else stroke * 2 for stroke in strokes)
