"""Signing up, which never logs anyone in. A known e-mail gets the same answer, with an id that names nobody, and its owner a mail."""

from dataclasses import dataclass

from sliproad.features.accounts import people_store
from sliproad.features.accounts.model import PersonKind, Role, Status, email_key
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people import SIGN_UPS, SIGNED_UP
from sliproad.features.accounts.people_store import KINDS
from sliproad.features.accounts.store import MembershipRow, OrganizationRow
from sliproad.foundation.database import Database, Scope
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web.limits import RateLimiter


@dataclass(frozen=True, slots=True)
class SignedUp:
    """What the answer tells, whether or not anything was made."""

    person_id: str
    organization_id: str = ""
    status: Status = Status.PENDING


@dataclass(frozen=True, slots=True)
class SignUp:
    """Use cases of people who are not here yet."""

    database: Database
    passwords: Passwords
    limiter: RateLimiter
    jobs: Jobs

    async def installer(
        self, *, email: str, password: str, full_name: str, phone: str | None, company: str | None, address: str
    ) -> SignedUp:
        """A new installer, who verifies the e-mail before the first login. `address` is the network's, for the limit.

        Raises:
            TooMany: too many sign-ups from there.
        """
        await self.limiter.hit(SIGN_UPS, "sign-up", address)
        person_id, password_hash = new_id(KINDS[PersonKind.INSTALLER].prefix), await self.passwords.hash(password)
        async with self.database.transaction(Scope(installer_id=person_id)) as session:
            await people_store.insert_person(
                session, PersonKind.INSTALLER, person_id, email=email, email_key=email_key(email), full_name=full_name,
                password_hash=password_hash, phone=phone, company=company,
            )  # fmt: skip
            await self.jobs.enqueue(
                session, SIGNED_UP, kind=PersonKind.INSTALLER.value, person_id=person_id, email=email
            )
        return SignedUp(person_id)

    async def organization(
        self, *, organization_name: str, email: str, password: str, full_name: str, address: str
    ) -> SignedUp:
        """A new organisation and its owner, who verifies the e-mail before the first login."""
        await self.limiter.hit(SIGN_UPS, "sign-up", address)
        signed_up = SignedUp(new_id(KINDS[PersonKind.USER].prefix), new_id("org"))
        password_hash = await self.passwords.hash(password)
        scope = Scope(organization_id=signed_up.organization_id, user_id=signed_up.person_id)
        async with self.database.transaction(scope) as session:
            is_new = await people_store.insert_person(
                session, PersonKind.USER, signed_up.person_id, email=email, email_key=email_key(email),
                full_name=full_name, password_hash=password_hash,
            )  # fmt: skip
            if is_new:
                session.add(
                    OrganizationRow(
                        organization_id=signed_up.organization_id, name=organization_name, contact_email=email
                    )
                )
                await session.flush()
                session.add(
                    MembershipRow(
                        organization_id=signed_up.organization_id,
                        user_id=signed_up.person_id,
                        role=Role.OWNER,
                        email=email,
                        full_name=full_name,
                    )
                )
            await self.jobs.enqueue(
                session, SIGNED_UP, kind=PersonKind.USER.value, person_id=signed_up.person_id, email=email
            )
        return signed_up
