"""What may be written to a setting, in OCPP 1.6's keys and in OCPP 2.x's variables alike."""

from sliproad.simulator.meter import MEASURANDS


def is_unsigned(value: str) -> bool:
    """A whole number from 0."""
    return value.isascii() and value.isdigit()


def is_percentage(value: str) -> bool:
    """A whole number from 0 to 100."""
    return is_unsigned(value) and int(value) <= 100


def is_boolean(value: str) -> bool:
    """`true` or `false`, in any case."""
    return value.lower() in {"true", "false"}


def is_text(value: str) -> bool:
    """Anything but nothing."""
    return len(value) > 0


def is_measurand_list(value: str) -> bool:
    """A comma-separated list of measurands that the meter has; may be empty."""
    return all(name.strip() in MEASURANDS for name in value.split(",")) if value else True


def is_authorization_key(value: str) -> bool:
    """What 1.6 chargers in the field take: 8 to 40 visible ASCII characters (the whitepaper's are hexadecimal)."""
    return 8 <= len(value) <= 40 and value.isascii() and value.isprintable()


def is_basic_auth_password(value: str) -> bool:
    """OCPP 2.x A00.FR.205: 16 to 40 characters (2.1: 64) of passwordString."""
    return 16 <= len(value) <= 64 and value.isascii() and value.isprintable()


def measurands(value: str) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(name.strip() for name in value.split(",") if name.strip())
