"""Times, amounts and spans for people, in the language and time zone of whoever reads. Filters of every template."""

from datetime import UTC, datetime, timedelta

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup

from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import language, time_zone


def moment(at: datetime) -> str:
    """A time for people: `1 May 2026, 10:23 UTC`; without the zone's name in the reader's own."""
    local = at.astimezone(time_zone())
    text = f"{day(at)}, {local:%H:%M}"
    return f"{text} UTC" if time_zone() is UTC else text


def day(at: datetime) -> str:
    """`1 May 2026`."""
    return str(format_date(at.astimezone(time_zone()), "long", locale=_locale()))


def clock_time(at: datetime) -> str:
    """`10:23:41`."""
    return f"{at.astimezone(time_zone()):%H:%M:%S}"


def ago(at: datetime, now: datetime | None = None) -> Markup:
    """`3 minutes ago`, with the exact time behind it."""
    passed = (now or datetime.now(UTC)) - at
    text = _("just now")
    if abs(passed) >= timedelta(seconds=45):
        text = format_timedelta(-passed, add_direction=True, locale=_locale())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.astimezone(UTC).isoformat(), moment(at), text)


def number(value: float, digits: int = 2) -> str:
    """A number as the language writes it, with at most `digits` decimals."""
    return str(format_decimal(round(value, digits), locale=_locale()))


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    if whole < 3600:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": whole % 60}
    return _("%(hours)s h %(minutes)s min") % {"hours": whole // 3600, "minutes": whole % 3600 // 60}


def ticked(text: str) -> Markup:
    """Text in which `words between backticks` are code; all else is escaped."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _locale() -> str:
    """English is written as in Europe: the day before the month."""
    return "en_GB" if language() == "en" else language()
