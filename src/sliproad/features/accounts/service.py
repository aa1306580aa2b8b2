"""What other features ask accounts: who an installer is, what an organisation is called and where it is mailed to."""

from sliproad.features.accounts import operators_store, organizations_store
from sliproad.features.accounts.model import InstallerSummary
from sliproad.foundation.database import Session
from sliproad.foundation.errors import NotFound


class AccountService:
    """Reads in the caller's transaction, in any scope, by exact id."""

    async def installer_summary(self, session: Session, installer_id: str) -> InstallerSummary:
        """An installer whose e-mail is verified. Raises NotFound."""
        summary = await organizations_store.installer_card(session, installer_id)
        if summary is None:
            raise NotFound("There is no such installer.")
        return summary

    async def organization_name(self, session: Session, organization_id: str) -> str:
        """Its name. Raises NotFound."""
        return (await self._card(session, organization_id))[0]

    async def organization_email(self, session: Session, organization_id: str) -> str:
        """Where it wants mail. Raises NotFound."""
        return (await self._card(session, organization_id))[1]

    async def operator_name(self, session: Session, operator_id: str) -> str:
        """What an operator is called. Raises NotFound."""
        card = await operators_store.operator_card(session, operator_id)
        if card is None:
            raise NotFound("There is no such operator.")
        return card[0]

    async def member_name(self, session: Session, organization_id: str, user_id: str) -> str:
        """The name of a user of the organisation. Raises NotFound."""
        member = await organizations_store.membership(session, organization_id, user_id)
        if member is None:
            raise NotFound("There is no such user.")
        return member.full_name

    async def _card(self, session: Session, organization_id: str) -> tuple[str, str]:
        card = await organizations_store.organization_card(session, organization_id)
        if card is None:
            raise NotFound("There is no such organisation.")
        return card
