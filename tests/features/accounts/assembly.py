"""The accounts room put together for its own tests, as `app.services` does it for the program; argon2 and pauses may be given."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter
from pwdlib.hashers import HasherProtocol

from sliproad.features.accounts import (
    account_pages,
    installer_routes,
    jobs,
    key_routes,
    login_pages,
    operator_login_pages,
    operator_routes,
    organization_routes,
    pages,
    user_routes,
)
from sliproad.features.accounts.account_mails import AccountMails
from sliproad.features.accounts.administration import Administration
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.mailed_tokens import MailedTokens
from sliproad.features.accounts.model import PersonKind
from sliproad.features.accounts.operators import Operators
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people import People
from sliproad.features.accounts.service import AccountService
from sliproad.features.accounts.sign_up import SignUp
from sliproad.features.accounts.throttle import LoginThrottle
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.limits import RateLimiter
from workplace import access_tokens_of


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the rest of the program gets from accounts."""

    service: AccountService
    guards: Guards
    authentication: Authentication
    sessions: BrowserSessions
    invitations: Invitations
    organizations: Organizations
    operators: Operators
    sign_up: SignUp
    people: dict[PersonKind, People]
    tokens: AccessTokens
    mails: AccountMails
    administration: Administration

    def routers(self, of: Callable[..., APIRouter]) -> list[APIRouter]:
        """All routes and pages of this room, in the order of the reference; `of` is that of `routers.Routers`."""
        installers, users = self.people[PersonKind.INSTALLER], self.people[PersonKind.USER]
        return [
            of(installer_routes.router, self.sign_up, installers, self.authentication, self.tokens),
            of(
                user_routes.organization_router,
                self.sign_up,
                users,
                self.organizations,
                self.authentication,
                self.tokens,
            ),
            of(organization_routes.router, self.organizations, self.invitations),
            of(operator_routes.router, self.operators),
            of(user_routes.site_owner_router, users, self.authentication, self.tokens),
            of(user_routes.invitation_router, self.invitations),
            of(key_routes.router, self.tokens),
            of(pages.router, self.people, self.invitations),
            of(login_pages.router, self.people, self.organizations, self.sign_up, self.sessions),
            of(operator_login_pages.router, self.authentication, self.sessions),
            of(account_pages.router, self.people, self.organizations, self.sessions),
        ]

    def register_jobs(self, queue: Jobs) -> None:
        """Define this room's tasks: every process does."""
        jobs.register(queue, self.mails)


def assemble(
    *,
    web: Database,
    engine: Database,
    queue: Jobs,
    outgoing: Outgoing,
    limiter: RateLimiter,
    secret_key: SecretKey,
    signing_key: bytes,
    public_url: str,
    clock: Clock,
    hasher: HasherProtocol | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Accounts:
    """Build the room.

    Args:
        web: the database of requests, role `web`.
        engine: the database of jobs and of `sliproad admin`, role `engine`.
        queue: of jobs.
        outgoing: where mails are left.
        limiter: of requests.
        secret_key: of the installation.
        signing_key: PEM, from `vault.get_or_make(tokens.VAULT_NAME, tokens.make_key)`.
        public_url: issuer of tokens, and where mailed links lead.
        clock: the time.
        hasher: of passwords; argon2id with the library's parameters where none is given.
        pause: how a login that is slowed down waits.
    """
    tokens = access_tokens_of(signing_key, issuer=public_url, clock=clock)
    passwords = Passwords(hasher)
    mailed_tokens = MailedTokens(secret_key, public_url, clock)
    authentication = Authentication(web, tokens, secret_key, clock)
    sessions = BrowserSessions(web, secret_key, clock, is_https=public_url.startswith("https:"))
    throttle = LoginThrottle(limiter, pause=pause)
    people = {kind: People(kind, web, passwords, mailed_tokens, throttle, limiter, queue, clock) for kind in PersonKind}
    return Accounts(
        service=AccountService(),
        guards=Guards(authentication, sessions),
        authentication=authentication,
        sessions=sessions,
        invitations=Invitations(
            database=web,
            mailed_tokens=mailed_tokens,
            outgoing=outgoing,
            passwords=passwords,
            limiter=limiter,
            clock=clock,
        ),
        organizations=Organizations(web, secret_key, clock),
        operators=Operators(web, secret_key, clock),
        sign_up=SignUp(web, passwords, limiter, queue),
        people=people,
        tokens=tokens,
        mails=AccountMails(engine, mailed_tokens, outgoing, limiter),
        administration=Administration(engine, passwords, secret_key, clock),
    )
