"""The roaming hub's services. `Services` builds on it."""

from functools import cached_property

from sliproad.app.account_services import AccountServices
from sliproad.features.roaming import assembly
from sliproad.features.roaming.assembly import RoamingRoom
from sliproad.features.roaming.model import Identity
from sliproad.ocpi.ids import Party


class RoamingServices(AccountServices):
    """Made from a process's parts, each when first asked for."""

    @cached_property
    def roaming(self) -> RoamingRoom:
        settings = self.parts.settings
        party = Party(settings.hub_country_code, settings.hub_party_id)
        return assembly.assemble(
            self.parts.engine,
            self.clock,
            self.jobs,
            secret_key=self.parts.secret_key,
            client=self.parts.client,
            identity=Identity(party, settings.hub_name, self.parts.public_url),
        )
