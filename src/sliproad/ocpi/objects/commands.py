"""Commands to a CPO (OCPI 2.2.1 §13.3, §13.4), and the two answers: at once, and by a POST to `response_url`."""

from collections.abc import Mapping
from typing import Literal

from sliproad.ocpi.fields import CiString36, OcpiObject, Url
from sliproad.ocpi.fields import DateTime as Moment
from sliproad.ocpi.objects.tokens import Token


class Command(OcpiObject):
    """What all have in common."""

    response_url: Url


class CancelReservation(Command):
    """§13.3.1."""

    reservation_id: CiString36


class ReserveNow(Command):
    """§13.3.4."""

    token: Token
    expiry_date: Moment
    reservation_id: CiString36
    location_id: CiString36
    evse_uid: CiString36 | None = None
    authorization_reference: CiString36 | None = None


class StartSession(Command):
    """§13.3.5."""

    token: Token
    location_id: CiString36
    evse_uid: CiString36 | None = None
    connector_id: CiString36 | None = None
    authorization_reference: CiString36 | None = None


class StopSession(Command):
    """§13.3.6."""

    session_id: CiString36


class UnlockConnector(Command):
    """§13.3.7."""

    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36


class CommandResult(OcpiObject):
    """§13.3.3."""

    result: Literal[
        "ACCEPTED", "CANCELED_RESERVATION", "EVSE_OCCUPIED", "EVSE_INOPERATIVE", "FAILED", "NOT_SUPPORTED",
        "REJECTED", "TIMEOUT", "UNKNOWN_RESERVATION",
    ]  # fmt: skip


COMMANDS: Mapping[str, type[Command]] = {
    "CANCEL_RESERVATION": CancelReservation,
    "RESERVE_NOW": ReserveNow,
    "START_SESSION": StartSession,
    "STOP_SESSION": StopSession,
    "UNLOCK_CONNECTOR": UnlockConnector,
}
