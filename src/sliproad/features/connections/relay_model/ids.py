"""Ids that one side chooses and the charge point says back: the operator's must not collide with ours.

Theirs travel to the charge point with 2^24 added and come back without it, so no table is needed and a restart forgets nothing.
Ours are below 2^24. What a charge point says about one of ours is none of theirs: such messages stay here, such fields are left
out. 1.6's transaction ids are chosen by the back end and can't be told apart so; they are mapped by rows (`rules`).
"""

from collections.abc import Callable
from typing import Any

from sliproad.ocpp.errors import CallRefused, ErrorCode
from sliproad.ocpp.our_numbers import OURS_BELOW

FIRST_OF_THEIRS = OURS_BELOW
LARGEST_OF_THEIRS = 2**31 - 1 - FIRST_OF_THEIRS
Payload = dict[str, Any]

DOWN_16: dict[str, tuple[str, ...]] = {
    "CancelReservation": ("reservationId",),
    "ClearChargingProfile": ("id",),
    "GetLog": ("requestId",),
    "RemoteStartTransaction": ("chargingProfile.chargingProfileId",),
    "ReserveNow": ("reservationId",),
    "SetChargingProfile": ("csChargingProfiles.chargingProfileId",),
    "SignedUpdateFirmware": ("requestId",),
}
DOWN_2X: dict[str, tuple[str, ...]] = {
    "CancelReservation": ("reservationId",),
    "ClearChargingProfile": ("chargingProfileId",),
    "ClearDisplayMessage": ("id",),
    "CustomerInformation": ("requestId",),
    "GetBaseReport": ("requestId",),
    "GetChargingProfiles": ("requestId", "chargingProfile.chargingProfileId[]"),
    "GetDERControl": ("requestId",),
    "GetDisplayMessages": ("requestId", "id[]"),
    "GetLog": ("requestId",),
    "GetMonitoringReport": ("requestId",),
    "GetReport": ("requestId",),
    "PublishFirmware": ("requestId",),
    "RequestBatterySwap": ("requestId",),
    "RequestStartTransaction": ("remoteStartId", "chargingProfile.id"),
    "ReserveNow": ("id",),
    "SetChargingProfile": ("chargingProfile.id",),
    "SetDisplayMessage": ("message.id",),
    "UpdateDynamicSchedule": ("chargingProfileId",),
    "UpdateFirmware": ("requestId",),
}
"""Where the operator's own numbers stand in its CALLs; `[]` is each entry of a list."""

ANSWERS_TO: dict[str, str] = {
    "BatterySwap": "requestId",
    "LogStatusNotification": "requestId",
    "FirmwareStatusNotification": "requestId",
    "NotifyCustomerInformation": "requestId",
    "NotifyDisplayMessages": "requestId",
    "NotifyMonitoringReport": "requestId",
    "NotifyReport": "requestId",
    "PublishFirmwareStatusNotification": "requestId",
    "PullDynamicScheduleUpdate": "chargingProfileId",
    "ReportChargingProfiles": "requestId",
    "ReportDERControl": "requestId",
    "ReservationStatusUpdate": "reservationId",
    "SignedFirmwareStatusNotification": "requestId",
}
"""Messages of a charge point that speak of one request, by the member that names it; of one of ours the operator hears nothing."""
NAMED_BY_THE_WAY: dict[str, tuple[str, ...]] = {
    "StartTransaction": ("reservationId",),
    "TransactionEvent": ("transactionInfo.remoteStartId", "reservationId"),
}
"""Messages that the operator hears in any case, without an id of ours."""
LISTED: dict[str, tuple[str, ...]] = {
    "NotifyDisplayMessages": ("messageInfo[].id",),
    "ReportChargingProfiles": ("chargingProfile[].id", "chargingProfile[].chargingProfileId"),
}
"""Lists of what there is, whoever's it is: theirs by their number, ours by ours."""


def to_charge_point(action: str, payload: Payload, *, is_2x: bool) -> Payload:
    """The operator's CALL with its own numbers moved above ours.

    Raises:
        CallRefused: a number of theirs has no room above ours: the last 2^24 of 2^31.
    """

    def moved(number: int) -> int:
        if not 0 <= number <= LARGEST_OF_THEIRS:
            sentence = f"Ids that the CSMS chooses must be between 0 and {LARGEST_OF_THEIRS} on this connection"
            raise CallRefused(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, sentence)
        return number + FIRST_OF_THEIRS

    paths = (DOWN_2X if is_2x else DOWN_16).get(action, ())
    return _changed(payload, paths, moved)


def to_operator(action: str, payload: Payload) -> Payload | None:
    """What a charge point says, with the operator's numbers as it chose them; None when it speaks of a request of ours."""
    if (member := ANSWERS_TO.get(action)) is not None and member in payload:
        if payload[member] < FIRST_OF_THEIRS:
            return None
        payload = payload | {member: payload[member] - FIRST_OF_THEIRS}
    payload = _changed(payload, NAMED_BY_THE_WAY.get(action, ()), lambda number: _theirs(number, None))
    return _changed(payload, LISTED.get(action, ()), lambda number: _theirs(number, number))


def _theirs(number: int, else_it_is: int | None) -> int | None:
    return number - FIRST_OF_THEIRS if number >= FIRST_OF_THEIRS else else_it_is


def _changed(value: Payload, paths: tuple[str, ...], change: Callable[[int], int | None]) -> Payload:
    for path in paths:
        value = _at(value, path.split("."), change)
    return value


def _at(value: Any, path: list[str], change: Callable[[int], int | None]) -> Any:
    """A copy of `value` in which the number at `path` is changed; where it changes into None it is left out."""
    name, is_list = path[0].removesuffix("[]"), path[0].endswith("[]")
    if not isinstance(value, dict) or name not in value:
        return value
    inner = value[name]
    if is_list and isinstance(inner, list):
        return value | {name: [_inside(each, path[1:], change) for each in inner]}
    changed = _inside(inner, path[1:], change)
    if changed is None:
        return {key: each for key, each in value.items() if key != name}
    return value | {name: changed}


def _inside(value: Any, rest: list[str], change: Callable[[int], int | None]) -> Any:
    if rest:
        return _at(value, rest, change)
    return change(value) if isinstance(value, int) else value
