"""Charge detail records (OCPI 2.2.1 §10.3, §10.4): immutable; a wrong one is undone by a credit CDR."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sliproad.ocpi.fields import (
    Bool,
    CiString36,
    CiString39,
    CiString48,
    Country,
    CountryCode,
    Currency,
    DateTime,
    Int,
    Number,
    OcpiObject,
    PartyId,
    Price,
    String10,
    String20,
    String45,
    String255,
)
from sliproad.ocpi.objects.locations import ConnectorFormat, ConnectorType, GeoLocation, PowerType, TokenType
from sliproad.ocpi.objects.tariffs import Tariff

AuthMethod = Literal["AUTH_REQUEST", "COMMAND", "WHITELIST"]
CdrDimensionType = Literal[
    "CURRENT", "ENERGY", "ENERGY_EXPORT", "ENERGY_IMPORT", "MAX_CURRENT", "MIN_CURRENT", "MAX_POWER", "MIN_POWER",
    "PARKING_TIME", "POWER", "RESERVATION_TIME", "STATE_OF_CHARGE", "TIME",
]  # fmt: skip


class CdrDimension(OcpiObject):
    """§10.4.2."""

    type: CdrDimensionType
    volume: Number


class ChargingPeriod(OcpiObject):
    """§10.4.6."""

    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Field(min_length=1)]
    tariff_id: CiString36 | None = None


class CdrToken(OcpiObject):
    """§10.4.5: whose driver it was."""

    country_code: CountryCode
    party_id: PartyId
    uid: CiString36
    type: TokenType
    contract_id: CiString36


class CdrLocation(OcpiObject):
    """§10.4.4."""

    id: CiString36
    name: String255 | None = None
    address: String45
    city: String45
    postal_code: String10 | None = None
    state: String20 | None = None
    country: Country
    coordinates: GeoLocation
    evse_uid: CiString36
    evse_id: CiString48
    connector_id: CiString36
    connector_standard: ConnectorType
    connector_format: ConnectorFormat
    connector_power_type: PowerType


class SignedValue(OcpiObject):
    """§10.4.8."""

    nature: Annotated[str, Field(max_length=32)]
    plain_data: Annotated[str, Field(max_length=512)]
    signed_data: Annotated[str, Field(max_length=5000)]


class SignedData(OcpiObject):
    """§10.4.7."""

    encoding_method: CiString36
    encoding_method_version: Int | None = None
    public_key: Annotated[str, Field(max_length=512)] | None = None
    signed_values: Annotated[list[SignedValue], Field(min_length=1)]
    url: Annotated[str, Field(max_length=512)] | None = None


class Cdr(OcpiObject):
    """§10.3.1."""

    country_code: CountryCode
    party_id: PartyId
    id: CiString39
    start_date_time: DateTime
    end_date_time: DateTime
    session_id: CiString36 | None = None
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None
    cdr_location: CdrLocation
    meter_id: String255 | None = None
    currency: Currency
    tariffs: list[Tariff] | None = None
    charging_periods: Annotated[list[ChargingPeriod], Field(min_length=1)]
    signed_data: SignedData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number
    total_energy_cost: Price | None = None
    total_time: Number
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: String255 | None = None
    invoice_reference_id: CiString39 | None = None
    credit: Bool | None = None
    credit_reference_id: CiString39 | None = None
    home_charging_compensation: Bool | None = None
    last_updated: DateTime

    @model_validator(mode="after")
    def check_whole(self) -> Self:
        """What the fields say together: a length of time, and a credit that names what it undoes."""
        if self.end_date_time < self.start_date_time:
            raise ValueError("end_date_time: is before start_date_time")
        if not self.credit and len(self.id) > 36:
            raise ValueError("id: only a Credit CDR's may have more than 36 characters")
        if bool(self.credit) != bool(self.credit_reference_id):
            raise ValueError("credit_reference_id: stands in a Credit CDR, and there always")
        return self
