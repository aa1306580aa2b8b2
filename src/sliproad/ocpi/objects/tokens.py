"""Tokens of drivers (OCPI 2.2.1 §12.3, §12.4), and what authorising one in real time gives."""

from typing import Annotated, Literal

from pydantic import Field

from sliproad.ocpi.fields import Bool, CiString36, CountryCode, DateTime, Language, OcpiObject, PartyId, String64
from sliproad.ocpi.objects.locations import TokenType

ProfileType = Literal["CHEAP", "FAST", "GREEN", "REGULAR"]


class EnergyContract(OcpiObject):
    """§12.4.2."""

    supplier_name: String64
    contract_id: String64 | None = None


class Token(OcpiObject):
    """§12.3.2."""

    country_code: CountryCode
    party_id: PartyId
    uid: CiString36
    type: TokenType
    contract_id: CiString36
    visual_number: String64 | None = None
    issuer: String64
    group_id: CiString36 | None = None
    valid: Bool
    whitelist: Literal["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"]
    language: Language | None = None
    default_profile_type: ProfileType | None = None
    energy_contract: EnergyContract | None = None
    last_updated: DateTime


class LocationReferences(OcpiObject):
    """§12.4.3."""

    location_id: CiString36
    evse_uids: Annotated[list[CiString36], Field(max_length=1000)] | None = None
