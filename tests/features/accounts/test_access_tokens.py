"""Trust I1: the algorithm is fixed; only our key, issuer, audience and hour are accepted."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from features.accounts.conftest import PUBLIC_URL, SIGNING_KEY, World, assert_problem
from sliproad.features.accounts.model import Audience
from sliproad.features.accounts.tokens import AccessTokens

ME = "/api/v1/installer/me"


def segment(value: dict[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))


async def test_anyone_can_check_a_token_with_the_published_keys(world: World) -> None:
    installer_id, token = await world.an_installer()
    answer = await world.get("/.well-known/jwks.json")
    published = answer.json()
    assert set(published["keys"][0]) == {"kty", "kid", "use", "alg", "n", "e"}
    read = jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256"])
    assert read.header == {"alg": "RS256", "typ": "JWT", "kid": published["keys"][0]["kid"]}
    assert (read.claims["iss"], read.claims["aud"], read.claims["sub"]) == (
        PUBLIC_URL,
        "sliproad:installer",
        installer_id,
    )
    assert read.claims["exp"] - read.claims["iat"] == 3600


@pytest.fixture
async def forged(world: World) -> dict[str, str]:
    """A valid token, bent in every way that is known."""
    installer_id, token = await world.an_installer()
    header, claims = parts_of(token)
    body = segment(claims)
    foreign = RSAKey.generate_key(2048)
    ours = RSAKey.import_key(SIGNING_KEY)
    public_pem = ours.as_pem(private=False)

    def signed(changed_header: dict[str, Any], changed_claims: dict[str, Any], key: RSAKey = ours) -> str:
        return jwt.encode(changed_header, changed_claims, key, algorithms=["RS256"])

    hs_head = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': header['kid']})}.{body}"
    others = AccessTokens(SIGNING_KEY, issuer=PUBLIC_URL, clock=world.clock)
    return {
        "alg none": f"{segment({'alg': 'none', 'typ': 'JWT', 'kid': header['kid']})}.{body}.",
        "alg None": f"{segment({'alg': 'None', 'typ': 'JWT', 'kid': header['kid']})}.{body}.",
        "no signature": token.rpartition(".")[0] + ".",
        "HS256 with the public key": f"{hs_head}.{segment(hmac.digest(public_pem, hs_head.encode(), hashlib.sha256))}",
        "a foreign key under our kid": signed(header, claims, foreign),
        "a foreign key by jwk": signed({**header, "jwk": foreign.as_dict(private=False)}, claims, foreign),
        "a foreign key by jku": signed({**header, "jku": "https://evil.example/jwks.json"}, claims, foreign),
        "another kid": signed({**header, "kid": "other"}, claims),
        "no kid": signed({"alg": "RS256", "typ": "JWT"}, claims),
        "another type": signed({**header, "typ": "at+jwt"}, claims),
        "an unknown critical header": f"{segment({**header, 'crit': ['x'], 'x': 1})}.{body}.{token.rpartition('.')[2]}",
        "another audience": others.issue(Audience.SITE_OWNER, installer_id, 0),
        "no audience": signed(header, {name: value for name, value in claims.items() if name != "aud"}),
        "a list of audiences": signed(header, {**claims, "aud": ["sliproad:installer", "sliproad:organization"]}),
        "another issuer": signed(header, {**claims, "iss": "https://evil.example"}),
        "expired": signed(header, {**claims, "exp": claims["iat"]}),
        "never expires": signed(header, {name: value for name, value in claims.items() if name != "exp"}),
        "another subject": signed(header, {**claims, "sub": "ins_00000000000000000000"}),
        "a numeric subject": signed(header, {**claims, "sub": "7"}),
        "an older password": signed(header, {**claims, "gen": claims["gen"] - 1}),
        "changed claims": f"{token.split('.')[0]}.{segment({**claims, 'sub': 'ins_1'})}.{token.split('.')[2]}",
        "nonsense": "a.b.c",
        "too long": "a" * 10_000,
        "an API key that does not exist": "sk_" + "a" * 40,
        "emoji": "%F0%9F%94%91",
    }


async def test_no_forged_token_opens_anything(world: World, forged: dict[str, str]) -> None:
    for name, token in forged.items():
        answer = await world.get(ME, token=token)
        assert answer.status_code == 401, name
        assert_problem(answer, 401, "unauthorized")


async def test_a_token_lives_an_hour_and_says_so_when_it_is_over(world: World) -> None:
    _, token = await world.an_installer()
    world.clock.advance(minutes=59, seconds=59)
    assert (await world.get(ME, token=token)).status_code == 200
    world.clock.advance(seconds=1)
    problem = assert_problem(await world.get(ME, token=token), 401, "unauthorized")
    assert "expired" in problem["detail"]


async def test_no_credential_or_another_scheme_is_401(world: World) -> None:
    assert_problem(await world.get(ME), 401, "unauthorized")
    for header in ("Basic YTpi", "Bearer", "Bearer ", "bearer\tx"):
        assert_problem(await world.get(ME, authorization=header), 401, "unauthorized")


async def test_a_token_of_one_audience_is_refused_by_the_others(world: World) -> None:
    _, installer = await world.an_installer()
    member = (await world.an_organization())["access_token"]
    body = {"email": "priya@riverside.example", "password": "your-secure-password"}
    owner = (await world.post("/api/v1/site-owner/login", body)).json()["access_token"]
    routes = {ME: installer, "/api/v1/cpo/me": member, "/api/v1/site-owner/me": owner}
    for path in routes:
        for home, token in routes.items():
            assert (await world.get(path, token=token)).status_code == (200 if home == path else 401)
