"""Access tokens: RS256 JWTs (RFC 7519) that live an hour, and the public keys with which anyone can check them (RFC 7517).

The algorithm is fixed; `kid` must be ours; nothing in a token's header can point elsewhere (trust I1).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, RSAKey

from sliproad.features.accounts.model import TOKEN_LIFETIME, Audience
from sliproad.foundation.clock import Clock
from sliproad.foundation.errors import Unauthenticated
from sliproad.foundation.ids import random_text

ALGORITHMS = ["RS256"]
KEY_BITS = 2048
LONGEST_TOKEN = 4096
VAULT_NAME = "jwt_signing_key"


def make_key() -> bytes:
    """A new private key, PEM; `Vault.get_or_make(VAULT_NAME, make_key)` calls it once in the life of an installation."""
    return RSAKey.generate_key(KEY_BITS).as_pem(private=True)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says."""

    audience: Audience
    subject: str
    jti: str
    generation: int
    expires_at: datetime
    organization_id: str | None
    operator_id: str | None = None
    """Of a browser session alone: there are no tokens for operators."""


class AccessTokens:
    """Issues and reads tokens with one key pair."""

    def __init__(self, private_pem: bytes, *, issuer: str, clock: Clock) -> None:
        key = RSAKey.import_key(private_pem)
        self.kid = key.thumbprint()
        self.key = RSAKey.import_key(private_pem, {"kid": self.kid, "use": "sig", "alg": "RS256"})
        self.keys = KeySet([self.key])
        self.issuer = issuer
        self.clock = clock

    def issue(self, audience: Audience, subject: str, generation: int, *, organization_id: str | None = None) -> str:
        """A token for `subject`, good for `TOKEN_LIFETIME`."""
        now = self.clock.now()
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience.value,
            "sub": subject,
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFETIME).timestamp()),
            "jti": random_text(22),
            "gen": generation,
        }
        if organization_id is not None:
            claims["org"] = organization_id
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self.kid}, claims, self.key, algorithms=ALGORITHMS)

    def read(self, token: str, audience: Audience | None) -> Claims:
        """What the token says, checked: signature, key, issuer, audience (None: any of ours), times.

        Raises:
            Unauthenticated: it is not valid, or not any more.
        """
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("This access token is not valid.")
        accepted = [audience.value] if audience else [each.value for each in Audience]
        rules = jwt.JWTClaimsRegistry(
            now=int(self.clock.now().timestamp()),
            leeway=0,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "values": accepted},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
        )
        try:
            read = jwt.decode(token, self.keys, algorithms=ALGORITHMS)
            if read.header.get("kid") != self.kid or read.header.get("typ") != "JWT":
                raise Unauthenticated("This access token is not valid.")
            rules.validate(read.claims)
            return _claims(read.claims)
        except ExpiredTokenError:
            raise Unauthenticated("This access token has expired. Log in again.") from None
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unauthenticated("This access token is not valid.") from None

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `/.well-known/jwks.json` shows them."""
        return dict(self.keys.as_dict(private=False))


def _claims(claims: dict[str, Any]) -> Claims:
    return Claims(
        audience=Audience(claims["aud"]),
        subject=str(claims["sub"]),
        jti=str(claims["jti"]),
        generation=int(claims["gen"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        organization_id=claims.get("org"),
    )
