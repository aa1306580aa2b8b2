"""Credentials (OCPI 2.2.1 §7.3) and versions (§6): what is exchanged before anything else."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sliproad.ocpi.fields import CiString36, CountryCode, OcpiObject, PartyId, Url
from sliproad.ocpi.modules import Interface, Role
from sliproad.ocpi.objects.locations import BusinessDetails
from sliproad.ocpi.token_header import is_token


def _token(text: str) -> str:
    if not is_token(text):
        raise ValueError("must be 1 to 64 printable characters of ASCII without white space")
    return text


class CredentialsRole(OcpiObject):
    """§7.4.1."""

    role: Role
    business_details: BusinessDetails
    party_id: PartyId
    country_code: CountryCode


class Credentials(OcpiObject):
    """§7.3.1."""

    token: Annotated[str, AfterValidator(_token)]
    url: Url
    roles: Annotated[list[CredentialsRole], Field(min_length=1)]


class Version(OcpiObject):
    """§6.1.2."""

    version: str
    url: Url


class Endpoint(OcpiObject):
    """§6.2.3. The identifier may be of a module of the party's own."""

    identifier: CiString36
    role: Interface
    url: Url


class VersionDetails(OcpiObject):
    """§6.2.2."""

    version: str
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]
