"""Tariffs (OCPI 2.2.1 §11.3, §11.4)."""

from typing import Annotated, Literal

from pydantic import Field

from sliproad.ocpi.fields import (
    CiString36,
    CountryCode,
    Currency,
    Date,
    DateTime,
    DisplayText,
    Int,
    Number,
    OcpiObject,
    PartyId,
    Price,
    TimeOfDay,
    Url,
)
from sliproad.ocpi.objects.locations import EnergyMix

DayOfWeek = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
TariffType = Literal["AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"]


class PriceComponent(OcpiObject):
    """§11.4.2: the price is per unit without VAT; `step_size` in Wh or seconds."""

    type: Literal["ENERGY", "FLAT", "PARKING_TIME", "TIME"]
    price: Number
    vat: Number | None = None
    step_size: Int


class TariffRestrictions(OcpiObject):
    """§11.4.6."""

    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    start_date: Date | None = None
    end_date: Date | None = None
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_current: Number | None = None
    max_current: Number | None = None
    min_power: Number | None = None
    max_power: Number | None = None
    min_duration: Int | None = None
    max_duration: Int | None = None
    day_of_week: list[DayOfWeek] | None = None
    reservation: Literal["RESERVATION", "RESERVATION_EXPIRES"] | None = None


class TariffElement(OcpiObject):
    """§11.4.4."""

    price_components: Annotated[list[PriceComponent], Field(min_length=1)]
    restrictions: TariffRestrictions | None = None


class Tariff(OcpiObject):
    """§11.3.1."""

    country_code: CountryCode
    party_id: PartyId
    id: CiString36
    currency: Currency
    type: TariffType | None = None
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: Url | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    elements: Annotated[list[TariffElement], Field(min_length=1)]
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
