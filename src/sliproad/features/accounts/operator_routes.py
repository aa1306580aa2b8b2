"""`/api/v1/operator/…`: an operator's own account and API keys. What it does with charge points is in `features/connections`."""

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from sliproad.features.accounts.guards import Operator
from sliproad.features.accounts.model import OperatorScope
from sliproad.features.accounts.operators import Operators
from sliproad.features.accounts.organization_routes import ApiKeysAnswer, NewApiKeyAnswer, api_key_answer
from sliproad.foundation.web import PageQuery, RequestModel, Text, Timestamp


class OperatorAnswer(BaseModel):
    operator_id: str = Field(examples=["opr_01hx1a2b3c4d5e6f7g8h"])
    name: str = Field(examples=["Northern Lights Charging"])
    contact_email: str = Field(examples=["ocpp@northern-lights.example"])
    created_at: Timestamp


class OperatorKeyBody(RequestModel):
    name: Text = Field(examples=["roll-out script"])
    scopes: list[OperatorScope] = Field(default=[OperatorScope.CONNECTIONS], min_length=1, max_length=10)
    expires_at: AwareDatetime | None = None


def router(operators: Operators) -> APIRouter:
    api = APIRouter(prefix="/api/v1/operator", tags=["operator"])

    @api.get("")
    async def show_operator(actor: Operator) -> OperatorAnswer:
        """Your operator account."""
        row = await operators.profile(actor)
        return OperatorAnswer(
            operator_id=row.operator_id, name=row.name, contact_email=row.contact_email, created_at=row.created_at
        )

    @api.post("/api-keys", status_code=201)
    async def create_operator_key(actor: Operator, body: OperatorKeyBody) -> NewApiKeyAnswer:
        """A new API key with scopes of your own. It is shown this once; only a hash of it is kept."""
        scopes = sorted({scope.value for scope in body.scopes})
        key, secret = await operators.create_key(actor, name=body.name, scopes=scopes, expires_at=body.expires_at)
        return NewApiKeyAnswer(**api_key_answer(key).model_dump(), api_key=secret)

    @api.get("/api-keys")
    async def list_operator_keys(actor: Operator, page: PageQuery) -> ApiKeysAnswer:
        """The API keys in force, the oldest first."""
        keys, next_cursor = await operators.keys(actor, page)
        return ApiKeysAnswer(api_keys=[api_key_answer(key) for key in keys], next_cursor=next_cursor)

    @api.delete("/api-keys/{key_id}", status_code=204)
    async def revoke_operator_key(actor: Operator, key_id: str) -> None:
        """Revoke an API key: it is worth nothing from the next request on."""
        await operators.revoke_key(actor, key_id)

    return api
