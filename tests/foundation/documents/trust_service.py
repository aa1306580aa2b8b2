"""A trust service on 127.0.0.1: a certificate authority with a revocation list, an OCSP responder and RFC 3161 time stamps."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

import aiohttp
from aiohttp import web
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sliproad.foundation.documents.identity import SigningIdentity

NOW = datetime.now(UTC)


def a_name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


async def fetch(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """What the guarded client does: an answer other than 200 is an `OSError`."""
    async with aiohttp.ClientSession() as client, client.request(method, url, data=body, headers=headers) as answer:
        if answer.status != 200:
            raise OSError(f"{answer.status}")
        return await answer.read()


class TrustService:
    """Counts what it is asked for; `revoked` certificates stand in its list and its OCSP answers."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate("Public root", self.key.public_key(), is_authority=True)
        self.stamp_key = rsa.generate_private_key(65537, 2048)
        self.stamp = self._certificate(
            "Time stamps", self.stamp_key.public_key(), usage=ExtendedKeyUsageOID.TIME_STAMPING
        )
        self.revoked: list[x509.Certificate] = []
        self.asked: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/root.crl", self._crl)
        app.router.add_post("/ocsp", self._ocsp)
        app.router.add_post("/stamp", self._stamp)
        app.router.add_post("/broken", self._broken)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def signer(self, *, by: str) -> SigningIdentity:
        """An identity whose revocation is asked `by` "crl" or "ocsp"."""
        key = ec.generate_private_key(ec.SECP256R1())
        if by == "crl":
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{self.url}/root.crl")], None, None, None)
            pointer: x509.ExtensionType = x509.CRLDistributionPoints([point])
        else:
            address = x509.UniformResourceIdentifier(f"{self.url}/ocsp")
            pointer = x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, address)]
            )
        certificate = self._certificate("Riverside Charging Ltd", key.public_key(), pointer=pointer)
        return SigningIdentity(key, certificate, (self.root,))

    def _certificate(self, name, public_key, *, is_authority=False, usage=None, pointer=None) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(a_name(name))
            .issuer_name(a_name("Public root"))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=365))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    not is_authority, not is_authority, False, False, False, is_authority, is_authority, False, False
                ),
                critical=True,
            )
        )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        if pointer:
            builder = builder.add_extension(pointer, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    async def _crl(self, _: web.Request) -> web.Response:
        self.asked.append("crl")
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.subject)
            .last_update(NOW - timedelta(hours=1))
            .next_update(NOW + timedelta(days=1))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for certificate in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - timedelta(hours=2)).build())
        return web.Response(body=builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER))

    async def _ocsp(self, request: web.Request) -> web.Response:
        self.asked.append("ocsp")
        asked = ocsp.load_der_ocsp_request(await request.read())
        is_revoked = asked.serial_number in {certificate.serial_number for certificate in self.revoked}
        answer = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=asked.issuer_name_hash,
                issuer_key_hash=asked.issuer_key_hash,
                serial_number=asked.serial_number,
                algorithm=asked.hash_algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
                this_update=NOW - timedelta(minutes=1),
                next_update=NOW + timedelta(days=1),
                revocation_time=NOW - timedelta(hours=2) if is_revoked else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.root)
            .sign(self.key, hashes.SHA256())
        )
        return web.Response(body=answer.public_bytes(Encoding.DER))

    async def _stamp(self, request: web.Request) -> web.Response:
        self.asked.append("stamp")
        key = self.stamp_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        authority = DummyTimeStamper(
            asn1_x509.Certificate.load(self.stamp.public_bytes(Encoding.DER)),
            asn1_keys.PrivateKeyInfo.load(key),
            certs_to_embed=SimpleCertificateStore.from_certs(
                [asn1_x509.Certificate.load(self.root.public_bytes(Encoding.DER))]
            ),
        )
        answer = await authority.async_request_tsa_response(tsp.TimeStampReq.load(await request.read()))
        return web.Response(body=answer.dump(), content_type="application/timestamp-reply")

    async def _broken(self, _: web.Request) -> web.Response:
        self.asked.append("broken")
        return web.Response(body=b"<html>sorry</html>")
