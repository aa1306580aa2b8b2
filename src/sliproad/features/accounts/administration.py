"""What whoever runs the platform does on the machine: `sliproad admin create-…`. Role `engine`."""

from dataclasses import dataclass

from sliproad.features.accounts import people_store
from sliproad.features.accounts.model import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    KeyScope,
    OperatorScope,
    PersonKind,
    Role,
    Status,
    email_key,
)
from sliproad.features.accounts.operators import new_operator_key
from sliproad.features.accounts.organizations import new_api_key
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people_store import KINDS
from sliproad.features.accounts.store import MembershipRow, OperatorRow, OrganizationRow, UserRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput
from sliproad.foundation.ids import new_id
from sliproad.foundation.mail import is_address


@dataclass(frozen=True, slots=True)
class NewOrganization:
    organization_id: str
    user_id: str
    api_key: str


@dataclass(frozen=True, slots=True)
class NewOperator:
    operator_id: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Administration:
    """Use cases of `sliproad admin`; `database` speaks as `engine`."""

    database: Database
    passwords: Passwords
    secret_key: SecretKey
    clock: Clock

    async def create_organization(
        self, *, name: str, email: str, password: str, full_name: str | None = None
    ) -> NewOrganization:
        """An organisation with its owner, verified at once, and a first API key, shown this once.

        Raises:
            InvalidInput: e-mail or password won't do.
            Conflict: `email_exists`.
        """
        user_id, organization_id = new_id(KINDS[PersonKind.USER].prefix), new_id("org")
        async with self.database.transaction(ENGINE) as session:
            await self._insert_user(session, user_id, email, password, full_name or name)
            session.add(OrganizationRow(organization_id=organization_id, name=name, contact_email=email))
            await session.flush()
            session.add(
                MembershipRow(
                    organization_id=organization_id,
                    user_id=user_id,
                    role=Role.OWNER,
                    email=email,
                    full_name=full_name or name,
                )
            )
            row, api_key = new_api_key(self.secret_key, organization_id, "first key", [KeyScope.CPO.value], self.clock)
            session.add(row)
        return NewOrganization(organization_id, user_id, api_key)

    async def create_operator(self, *, name: str, email: str) -> NewOperator:
        """An operator (OPER) with a first API key of every scope, shown this once.

        Raises:
            InvalidInput: the e-mail won't do.
        """
        if not is_address(email):
            raise InvalidInput.field("email", "is not an e-mail address")
        operator_id = new_id("opr")
        async with self.database.transaction(ENGINE) as session:
            session.add(OperatorRow(operator_id=operator_id, name=name, contact_email=email))
            await session.flush()
            scopes = [scope.value for scope in OperatorScope]
            row, api_key = new_operator_key(self.secret_key, operator_id, "first key", scopes, self.clock)
            session.add(row)
        return NewOperator(operator_id, api_key)

    async def create_admin(self, *, email: str, password: str, full_name: str | None = None) -> str:
        """A platform administrator; gives the `user_id`. Raises as `create_organization`."""
        user_id = new_id(KINDS[PersonKind.USER].prefix)
        async with self.database.transaction(ENGINE) as session:
            await self._insert_user(session, user_id, email, password, full_name or email)
            (await session.get_one(UserRow, user_id)).is_platform_admin = True
        return user_id

    async def _insert_user(self, session: Session, user_id: str, email: str, password: str, full_name: str) -> None:
        if not is_address(email):
            raise InvalidInput.field("email", "is not an e-mail address")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise InvalidInput.field("password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        is_new = await people_store.insert_person(
            session, PersonKind.USER, user_id, email=email, email_key=email_key(email), full_name=full_name,
            password_hash=await self.passwords.hash(password), status=Status.ACTIVE, verified_at=self.clock.now(),
        )  # fmt: skip
        if not is_new:
            raise Conflict("There is a user with this e-mail already.", code="email_exists")
