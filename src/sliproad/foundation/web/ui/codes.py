"""QR codes as inline SVG, made here: for the settings that go into a charger's own app or a colleague's phone."""

import io

import segno
from markupsafe import Markup


def qr(text: str, label: str) -> Markup:
    """A QR code of `text` (ISO/IEC 18004, level M), named `label` for screen readers; always dark on light, which scanners need."""
    code = segno.make(text, error="m", micro=False)
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", border=4, xmldecl=False, svgns=False, omitsize=True, svgclass=None, lineclass=None)
    svg = drawn.getvalue().decode()
    head = Markup('<svg role="img" aria-label="{}" class="qr" ').format(label)
    return head + Markup(svg.removeprefix("<svg").lstrip())  # noqa: S704 (segno's own drawing: a path of numbers)
