"""`sliproad admin`: acts on an installation from the machine it runs on, whether it is running or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sliproad.app import wiring
from sliproad.app.services import Services
from sliproad.app.supervisor import kept_secret, read_state
from sliproad.features.roaming.parties import WantedRole
from sliproad.foundation.database.migrations import migrate
from sliproad.foundation.embedded import Embedded
from sliproad.foundation.settings import Settings

Act = Callable[[Services], Awaitable[dict[str, Any]]]


def create_organization(name: str, email: str, password: str) -> Act:
    """An organisation with its first user, verified at once, and an API key."""

    async def act(of: Services) -> dict[str, Any]:
        made = await of.administration.create_organization(name=name, email=email, password=password)
        return {"organization_id": made.organization_id, "user_id": made.user_id, "api_key": made.api_key}

    return act


def create_operator(name: str, email: str) -> Act:
    """An operator with an API key."""

    async def act(of: Services) -> dict[str, Any]:
        made = await of.administration.create_operator(name=name, email=email)
        return {"operator_id": made.operator_id, "api_key": made.api_key}

    return act


def invite_party(name: str | None, country: str, party: str, roles: list[str]) -> Act:
    """A party of the roaming hub, with the registration token for its handshake."""

    async def act(of: Services) -> dict[str, Any]:
        wanted = [WantedRole(country, party, role) for role in roles]
        made = await of.roaming.parties.invite(name or f"{country}*{party}".upper(), wanted, by="admin")
        versions_url = f"{of.parts.public_url}/ocpi/versions"
        return {"connection_id": made.connection.connection_id, "token_a": made.token, "versions_url": versions_url}

    return act


def reseal_secrets() -> Act:
    """Every stored password of operators' connections under the newest of the sealing keys."""

    async def act(of: Services) -> dict[str, Any]:
        return {"resealed": await of.connections.key_rotation.reseal()}

    return act


def create_admin(name: str, email: str, password: str) -> Act:
    """A platform administrator."""

    async def act(of: Services) -> dict[str, Any]:
        return {"user_id": await of.administration.create_admin(email=email, password=password, full_name=name)}

    return act


def administer(settings: Settings, act: Act) -> dict[str, Any]:
    """Do `act` on the installation of `settings`: the one that runs on its data directory, or one started for a moment.

    Raises:
        StartError: an embedded server does not start.
        DomainError: what `act` refuses.
    """
    state = read_state(settings.data_dir) or {}
    database_url = settings.database_url or state.get("database_url")
    nats_url = settings.nats_url or state.get("nats_url")
    if database_url and nats_url:
        return asyncio.run(administer_at(complete(settings, database_url, nats_url), act))
    with Embedded(settings.data_dir, postgres=database_url is None, nats=nats_url is None) as parts:
        database_url = database_url or parts.database_url
        migrate(database_url)
        return asyncio.run(administer_at(complete(settings, database_url, nats_url or parts.nats_url), act))


async def administer_at(settings: Settings, act: Act) -> dict[str, Any]:
    """Do `act` with settings that name database, bus and secret."""
    async with wiring.open_parts(settings, as_web=False) as parts:
        of = Services(parts)
        wiring.register_jobs(of)
        return await act(of)


def complete(settings: Settings, database_url: str, nats_url: str) -> Settings:
    """`settings` with what an embedded installation decides for itself."""
    changes: dict[str, Any] = {"database_url": database_url, "nats_url": nats_url}
    if settings.secret_key is None:
        changes["secret_key"] = kept_secret(settings.data_dir)
    return type(settings)(**settings.model_dump(exclude=set(changes)) | changes)
