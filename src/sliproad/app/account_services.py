"""The services of accounts: who is asking, signing up, inviting. `Services` builds on it."""

from functools import cached_property

from sliproad.app.parts import Parts
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
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.limits import RateLimiter


class AccountServices:
    """Made from a process's parts, each when first asked for."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.database, self.clock, self.jobs = parts.database, parts.clock, parts.jobs

    @cached_property
    def accounts(self) -> AccountService:
        return AccountService()

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords()

    @cached_property
    def limiter(self) -> RateLimiter:
        return RateLimiter(self.database, self.clock)

    @cached_property
    def tokens(self) -> AccessTokens:
        return AccessTokens(self.parts.jwt_key, issuer=self.parts.public_url, clock=self.clock)

    @cached_property
    def mailed_tokens(self) -> MailedTokens:
        return MailedTokens(self.parts.secret_key, self.parts.public_url, self.clock)

    @cached_property
    def outgoing(self) -> Outgoing:
        return Outgoing(self.jobs, self.parts.secret_key)

    @cached_property
    def authentication(self) -> Authentication:
        return Authentication(self.database, self.tokens, self.parts.secret_key, self.clock)

    @cached_property
    def guards(self) -> Guards:
        return Guards(self.authentication, self.browser_sessions)

    @cached_property
    def browser_sessions(self) -> BrowserSessions:
        is_https = self.parts.public_url.startswith("https:")
        return BrowserSessions(self.database, self.parts.secret_key, self.clock, is_https=is_https)

    @cached_property
    def sign_up(self) -> SignUp:
        return SignUp(self.database, self.passwords, self.limiter, self.jobs)

    @cached_property
    def people(self) -> dict[PersonKind, People]:
        """Installers and users."""
        throttle = LoginThrottle(self.limiter)
        return {
            kind: People(
                kind=kind,
                database=self.database,
                passwords=self.passwords,
                mailed_tokens=self.mailed_tokens,
                throttle=throttle,
                limiter=self.limiter,
                jobs=self.jobs,
                clock=self.clock,
            )
            for kind in PersonKind
        }

    @cached_property
    def organizations(self) -> Organizations:
        return Organizations(self.database, self.parts.secret_key, self.clock)

    @cached_property
    def operators(self) -> Operators:
        return Operators(self.database, self.parts.secret_key, self.clock)

    @cached_property
    def invitations(self) -> Invitations:
        return Invitations(
            database=self.database,
            mailed_tokens=self.mailed_tokens,
            outgoing=self.outgoing,
            passwords=self.passwords,
            limiter=self.limiter,
            clock=self.clock,
        )

    @cached_property
    def account_mails(self) -> AccountMails:
        return AccountMails(self.database, self.mailed_tokens, self.outgoing, self.limiter)

    @cached_property
    def administration(self) -> Administration:
        return Administration(self.parts.engine, self.passwords, self.parts.secret_key, self.clock)
