"""Who is connected to the hub (OCPI 2.2.1 §15)."""

from typing import Literal

from sliproad.ocpi.fields import CountryCode, DateTime, OcpiObject, PartyId
from sliproad.ocpi.modules import Role

ConnectionStatus = Literal["CONNECTED", "OFFLINE", "PLANNED", "SUSPENDED"]


class ClientInfo(OcpiObject):
    """§15.4.1."""

    party_id: PartyId
    country_code: CountryCode
    role: Role
    status: ConnectionStatus
    last_updated: DateTime
