"""`/.well-known/jwks.json`: the public keys with which anyone can check our access tokens (RFC 7517)."""

from typing import Any

from fastapi import APIRouter

from sliproad.features.accounts.tokens import AccessTokens


def router(tokens: AccessTokens) -> APIRouter:
    api = APIRouter(tags=["public keys"])

    @api.get("/.well-known/jwks.json")
    async def jwks() -> dict[str, Any]:
        """The public keys of our access tokens (RS256)."""
        return tokens.jwks()

    return api
