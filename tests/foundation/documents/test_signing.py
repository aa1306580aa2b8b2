"""Signatures by PAdES (EN 319 142-1), judged by pyHanko and by poppler, which know nothing of each other (trust D1)."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sliproad.foundation.documents.identity import IdentityError, SigningIdentity, create_identity
from sliproad.foundation.documents.signing import SignatureError, sign_pdf
from sliproad.foundation.documents.typesetting import typeset
from sliproad.foundation.documents.verification import Verdict, verify_pdf

SIGNED_AT = datetime(2026, 5, 1, 14, 45, tzinfo=UTC)
IDENTITY = create_identity("Riverside Charging Ltd", SIGNED_AT)


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    template = tmp_path_factory.mktemp("letter")
    (template / "document.typ").write_text(
        '#let render(data, images) = { set document(title: "A letter"); [Dear Sarah] }'
    )
    return typeset(template, {}, created_at=SIGNED_AT)


@pytest.fixture
async def signed(unsigned: bytes) -> bytes:
    return await signed_by(IDENTITY, unsigned)


async def signed_by(identity: SigningIdentity, pdf: bytes) -> bytes:
    return await sign_pdf(
        pdf, identity, reason="Handover", location="London", field_name="Handover", signed_at=SIGNED_AT
    )


async def verdict_on(pdf: bytes, identity: SigningIdentity = IDENTITY) -> Verdict:
    return await verify_pdf(pdf, [identity.trust_root], at=SIGNED_AT)


def pdfsig(pdf: bytes, folder: Path) -> str:
    path = folder / "signed.pdf"
    path.write_bytes(pdf)
    return subprocess.run(["pdfsig", str(path)], capture_output=True, check=False, text=True).stdout


async def test_a_signed_document_is_genuine(signed: bytes) -> None:
    assert await verdict_on(signed) == Verdict(
        intact=True,
        valid=True,
        trusted=True,
        covers_whole_file=True,
        signer="Riverside Charging Ltd: Document signing",
        signed_at=SIGNED_AT,
    )
    assert (await verdict_on(signed)).genuine


async def test_poppler_agrees(signed: bytes, tmp_path: Path) -> None:
    said = pdfsig(signed, tmp_path)

    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


async def test_it_certifies_with_no_changes_permitted(signed: bytes) -> None:
    """ISO 32000-2 §12.8.2.2: DocMDP level 1."""
    assert b"/TransformMethod /DocMDP" in signed
    assert b"/P 1" in signed


async def test_every_changed_byte_is_noticed(signed: bytes) -> None:
    for position in range(20, len(signed), len(signed) // 40):
        changed = bytearray(signed)
        changed[position] ^= 1

        verdict = await verdict_on(bytes(changed))

        assert not verdict.genuine, position
        assert verdict.problems, position


async def test_one_changed_byte_of_the_page_is_no_longer_valid_to_poppler(signed: bytes, tmp_path: Path) -> None:
    changed = signed.replace(b"A letter", b"B letter", 1)
    assert changed != signed

    assert "Signature is Valid." not in pdfsig(changed, tmp_path)


@pytest.mark.parametrize("appended", [b"\n", b"\n% a remark\n"])
async def test_appended_bytes_are_noticed(signed: bytes, appended: bytes) -> None:
    verdict = await verdict_on(signed + appended)

    assert not verdict.covers_whole_file
    assert not verdict.genuine
    assert verdict.problems == ("Something was added to the file after it was signed.",)


async def test_a_later_revision_is_noticed(signed: bytes) -> None:
    with pytest.raises(SignatureError):
        await signed_by(create_identity("Somebody else", SIGNED_AT), signed)


async def test_somebody_elses_signature_is_valid_but_not_trusted(unsigned: bytes) -> None:
    stranger = create_identity("Riverside Charging Ltd", SIGNED_AT)

    verdict = await verdict_on(await signed_by(stranger, unsigned), IDENTITY)

    assert (verdict.intact, verdict.valid, verdict.trusted) == (True, True, False)
    assert verdict.problems == ("The signer is not one of this installation.",)


@pytest.mark.parametrize(
    "junk", [b"", b"%PDF-1.7\n", b"not a PDF", b"\x00" * 5000, b"%PDF-1.7\ntrailer<</Root 1 0 R>>"]
)
async def test_what_is_no_pdf_has_no_valid_signature(junk: bytes) -> None:
    verdict = await verdict_on(junk)

    assert not verdict.genuine
    assert verdict.problems == ("The file is damaged or is no signed PDF.",)


async def test_a_pdf_without_a_signature_says_so(unsigned: bytes) -> None:
    assert (await verdict_on(unsigned)).problems == ("The file carries no signature.",)


async def test_after_its_certificate_has_expired_it_still_holds_for_the_time_of_signing(signed: bytes) -> None:
    later = SIGNED_AT + timedelta(days=4000)

    assert not (await verify_pdf(signed, [IDENTITY.trust_root], at=later)).trusted
    assert (await verdict_on(signed)).genuine


async def test_what_is_no_pdf_can_not_be_signed() -> None:
    with pytest.raises(SignatureError):
        await signed_by(IDENTITY, b"not a PDF")


async def test_an_identity_survives_being_kept_encrypted(unsigned: bytes) -> None:
    kept = IDENTITY.to_bytes(b"a password")

    again = SigningIdentity.from_bytes(kept, b"a password")

    assert again.trust_root == IDENTITY.trust_root
    assert (await verdict_on(await signed_by(again, unsigned))).genuine


@pytest.mark.parametrize(("content", "password"), [(b"junk", b"x"), (IDENTITY.to_bytes(b"right"), b"wrong")])
def test_a_wrong_file_or_password_is_refused_without_telling_secrets(content: bytes, password: bytes) -> None:
    with pytest.raises(IdentityError) as refused:
        SigningIdentity.from_bytes(content, password)

    assert "wrong'" not in str(refused.value)


def test_an_identity_shows_no_secret() -> None:
    assert repr(IDENTITY) == "SigningIdentity(CN=Riverside Charging Ltd: Document signing,O=Riverside Charging Ltd)"


def test_a_long_name_fits_a_certificate() -> None:
    """X.520: at most 64 characters."""
    assert create_identity("W" * 300, SIGNED_AT).name.endswith(": Document signing")
