"""PAdES B-LT (EN 319 142-1 §6.3): proven time and revocation information inside, and still the whole file covered."""

import ipaddress
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from foundation.documents.trust_service import NOW, TrustService, fetch
from sliproad.foundation.documents.identity import SigningIdentity, create_identity
from sliproad.foundation.documents.signing import SignatureError, TimestampService, sign_pdf
from sliproad.foundation.documents.trust_services import through
from sliproad.foundation.documents.typesetting import typeset
from sliproad.foundation.documents.verification import verify_pdf
from sliproad.foundation.outbound import Guard, OutboundClient


@pytest.fixture
async def trust_service() -> AsyncIterator[TrustService]:
    async with TrustService() as service:
        yield service


@pytest.fixture
def unsigned(tmp_path: Path) -> bytes:
    (tmp_path / "document.typ").write_text(
        '#let render(data, images) = { set document(title: "A letter"); [Dear Sarah] }'
    )
    return typeset(tmp_path, {}, created_at=NOW)


async def signed_at(unsigned: bytes, identity: SigningIdentity, url: str) -> bytes:
    service = TimestampService(url, fetch)
    return await sign_pdf(
        unsigned,
        identity,
        reason="Handover",
        location=None,
        field_name="Handover",
        signed_at=NOW,
        timestamp_service=service,
    )


@pytest.mark.parametrize("by", ["crl", "ocsp"])
async def test_long_term_signature(trust_service: TrustService, unsigned: bytes, by: str) -> None:
    identity = trust_service.signer(by=by)

    signed = await signed_at(unsigned, identity, f"{trust_service.url}/stamp")
    verdict = await verify_pdf(signed, [identity.trust_root])

    assert verdict.genuine, verdict.problems
    assert verdict.covers_whole_file
    assert verdict.timestamped_at is not None
    assert abs(verdict.timestamped_at - NOW) < timedelta(minutes=10)
    assert {by, "stamp"} <= set(trust_service.asked)
    assert (b"/CRLs" if by == "crl" else b"/OCSPs") in signed


async def test_the_guarded_client_fetches(trust_service: TrustService, unsigned: bytes) -> None:
    """Contract §6: the one client that dials out."""
    identity = trust_service.signer(by="ocsp")
    client = OutboundClient(Guard([ipaddress.ip_network("127.0.0.0/8")]))

    service = TimestampService(f"{trust_service.url}/stamp", through(client))
    signed = await sign_pdf(
        unsigned,
        identity,
        reason="Handover",
        location=None,
        field_name="Handover",
        signed_at=NOW,
        timestamp_service=service,
    )
    assert (await verify_pdf(signed, [identity.trust_root])).timestamped_at is not None

    refused = TimestampService(f"{trust_service.url}/stamp", through(OutboundClient(Guard())))
    with pytest.raises(SignatureError):
        await sign_pdf(
            unsigned,
            identity,
            reason="Handover",
            location=None,
            field_name="Handover",
            signed_at=NOW,
            timestamp_service=refused,
        )


async def test_own_identity_with_a_time_stamp(trust_service: TrustService, unsigned: bytes) -> None:
    """The stamp's authority is another than the signer's: time is proven all the same."""
    identity = create_identity("Riverside Charging Ltd", NOW)

    signed = await signed_at(unsigned, identity, f"{trust_service.url}/stamp")
    verdict = await verify_pdf(signed, [identity.trust_root])

    assert verdict.genuine, verdict.problems
    assert verdict.timestamped_at is not None


@pytest.mark.parametrize("by", ["crl", "ocsp"])
async def test_a_revoked_certificate_does_not_sign(trust_service: TrustService, unsigned: bytes, by: str) -> None:
    identity = trust_service.signer(by=by)
    trust_service.revoked.append(identity.certificate)

    with pytest.raises(SignatureError, match="revoked"):
        await signed_at(unsigned, identity, f"{trust_service.url}/stamp")


@pytest.mark.parametrize("path", ["/broken", "/nowhere"])
async def test_without_a_usable_stamp_nothing_is_signed(
    trust_service: TrustService, unsigned: bytes, path: str
) -> None:
    with pytest.raises(SignatureError, match="time stamping authority"):
        await signed_at(unsigned, trust_service.signer(by="crl"), trust_service.url + path)
