"""What sites ask of other rooms. Wiring fills these in."""

from typing import Protocol

from sliproad.features.sites.model import Site
from sliproad.foundation.database import Session


class Operators(Protocol):
    """Answers who an operator is; `features.accounts` implements it."""

    async def operator_name(self, session: Session, operator_id: str) -> str:
        """What the operator is called whose id a site was given. Raises NotFound."""
        ...


class SiteConnections(Protocol):
    """Does what follows from a site's operator; `features.connections`, a later room, implements it."""

    async def operator_changed(self, session: Session, before: Site, after: Site, actor: str) -> None:
        """In the transaction of the change: the old operator's connections end, the new one's begin soon."""
        ...
