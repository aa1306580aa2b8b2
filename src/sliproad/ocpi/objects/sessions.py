"""Charging sessions while they go on (OCPI 2.2.1 §9.3)."""

from typing import Literal

from sliproad.ocpi.fields import (
    CiString36,
    CountryCode,
    Currency,
    DateTime,
    Number,
    OcpiObject,
    PartyId,
    Price,
    String255,
)
from sliproad.ocpi.objects.cdrs import AuthMethod, CdrToken, ChargingPeriod


class Session(OcpiObject):
    """§9.3.1."""

    country_code: CountryCode
    party_id: PartyId
    id: CiString36
    start_date_time: DateTime
    end_date_time: DateTime | None = None
    kwh: Number
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36
    meter_id: String255 | None = None
    currency: Currency
    charging_periods: list[ChargingPeriod] | None = None
    total_cost: Price | None = None
    status: Literal["ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"]
    last_updated: DateTime
