"""`/api/v1/admin`: platform administrators log in; what they may look at is in the features' own routes.

Administrators are made on the machine (`sliproad admin create-admin`) and are refused here like anybody unknown when they are none.
"""

from fastapi import APIRouter, Request

from sliproad.features.accounts.answers import Credentials, PersonAnswer, address_of
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import PlatformAdmin
from sliproad.features.accounts.model import Audience
from sliproad.features.accounts.people import People
from sliproad.features.accounts.people_store import id_of
from sliproad.features.accounts.person_routes import add_session_routes
from sliproad.features.accounts.store import UserRow
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.features.accounts.user_routes import EXPIRES_IN, UserLoggedInAnswer
from sliproad.foundation.errors import NotAllowed


def router(people: People, authentication: Authentication, tokens: AccessTokens) -> APIRouter:
    """`people` is of kind user."""
    api = APIRouter(prefix="/api/v1/admin", tags=["platform administration"])

    @api.post("/login")
    async def login(body: Credentials, request: Request) -> UserLoggedInAnswer:
        """An access token for an hour, for a platform administrator."""
        person = await people.authenticate(body.email, body.password, address_of(request))
        if not (isinstance(person, UserRow) and person.is_platform_admin):
            raise NotAllowed("You are not a platform administrator.")
        token = tokens.issue(Audience.PLATFORM, id_of(person), person.token_generation)
        return UserLoggedInAnswer(
            access_token=token,
            token_type="Bearer",  # noqa: S106 (a scheme)
            expires_in=EXPIRES_IN,
            user_id=id_of(person),
        )

    add_session_routes(api, people, authentication, Audience.PLATFORM, _current_admin_id)

    @api.get("/me")
    async def me(actor: PlatformAdmin) -> PersonAnswer:
        """Your account."""
        person = await people.profile(actor.user_id)
        return PersonAnswer(
            user_id=actor.user_id,
            email=person.email,
            full_name=person.full_name,
            phone=person.phone,
            status=person.status,
            created_at=person.created_at,
        )

    return api


async def _current_admin_id(actor: PlatformAdmin) -> str:
    return actor.user_id
