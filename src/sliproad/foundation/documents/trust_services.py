"""The trust services a signature may lean on: RFC 3161 time stamps, OCSP responses and revocation lists.

`signing` uses them for PAdES B-LT. Nothing here opens a connection: every request goes through a `Fetch` that the
caller supplies, which is the installation's one guarded client.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from asn1crypto import crl, ocsp, pem, tsp, x509
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko_certvalidator.authority import Authority
from pyhanko_certvalidator.errors import CRLFetchError, OCSPFetchError
from pyhanko_certvalidator.fetchers import CertificateFetcher, CRLFetcher, Fetchers, OCSPFetcher
from pyhanko_certvalidator.fetchers.common_utils import (
    enumerate_delivery_point_urls,
    format_ocsp_request,
    process_ocsp_response_data,
)
from pyhanko_certvalidator.util import get_ocsp_urls, get_relevant_crl_dps, issuer_serial

from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.outbound import OutboundClient

Fetch = Callable[[str, str, bytes | None, Mapping[str, str]], Awaitable[bytes]]
"""(method, url, body, headers) -> body of a 200 answer; raises `OSError` or `UpstreamUnavailable` for anything else."""

NO_ANSWER = (OSError, ValueError, UpstreamUnavailable)


def through(client: OutboundClient) -> Fetch:
    """Fetches by the guarded client."""

    async def fetch(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        answer = await client.request(method, url, headers=headers, body=body)
        if answer.status != HTTPStatus.OK:
            raise UpstreamUnavailable(f"The trust service answered {answer.status}.")
        return answer.body

    return fetch


class FetchedTimeStamper(TimeStamper):
    """A time stamping authority (RFC 3161 §3.4) behind a `Fetch`."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url
        self._fetch = fetch

    async def anchors(self) -> list[x509.Certificate]:
        """The topmost certificates that the authority sends along with a stamp."""
        await self.async_dummy_response("sha256")
        shown = list(self.cert_registry)
        subjects = {certificate.subject.hashable for certificate in shown}
        return [
            certificate
            for certificate in shown
            if certificate.self_issued or certificate.issuer.hashable not in subjects
        ]

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Ask for one stamp; raises `TimestampRequestError` when the authority can't be reached or answers nonsense."""
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            body = await self._fetch("POST", self._url, req.dump(), headers)
            return tsp.TimeStampResp.load(body, strict=True)
        except NO_ANSWER as error:
            raise TimestampRequestError("the time stamping authority gave no usable answer") from error


def fetchers(fetch: Fetch) -> Fetchers:
    """What pyHanko needs to collect revocation information, all of it through ``fetch``."""
    return Fetchers(_OcspFetcher(fetch), _CrlFetcher(fetch), _NoCertificateFetcher())


class _OcspFetcher(OCSPFetcher):
    """OCSP over HTTP, RFC 6960 appendix A."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._responses: dict[Any, ocsp.OCSPResponse] = {}

    async def fetch(self, cert: x509.Certificate, authority: Authority) -> ocsp.OCSPResponse:
        key = issuer_serial(cert)
        if key not in self._responses:
            self._responses[key] = await self._first_answer(cert, authority)
        return self._responses[key]

    async def _first_answer(self, cert: x509.Certificate, authority: Authority) -> ocsp.OCSPResponse:
        request = format_ocsp_request(cert, authority, certid_hash_algo="sha1", request_nonces=False)
        headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
        for url in get_ocsp_urls(cert):
            try:
                body = await self._fetch("POST", url, request.dump(), headers)
                return process_ocsp_response_data(body, ocsp_request=request, ocsp_url=url)
            except NO_ANSWER:
                continue
        raise OCSPFetchError("no OCSP responder of the certificate answered")

    def fetched_responses(self) -> Iterable[ocsp.OCSPResponse]:
        return list(self._responses.values())

    def fetched_responses_for_cert(self, cert: x509.Certificate) -> Iterable[ocsp.OCSPResponse]:
        return [response for key, response in self._responses.items() if key == issuer_serial(cert)]


class _CrlFetcher(CRLFetcher):
    """Revocation lists from the distribution points of a certificate, RFC 5280 §4.2.1.13."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._lists: dict[Any, list[crl.CertificateList]] = {}

    async def fetch(self, cert: x509.Certificate, *, use_deltas: bool = True) -> Iterable[crl.CertificateList]:
        key = issuer_serial(cert)
        if key not in self._lists:
            points = get_relevant_crl_dps(cert, use_deltas=use_deltas)
            urls = [url for point in points for url in enumerate_delivery_point_urls(point)]
            self._lists[key] = [await self._load(url) for url in urls]
        return self._lists[key]

    async def _load(self, url: str) -> crl.CertificateList:
        try:
            body = await self._fetch("GET", url, None, {"Accept": "application/pkix-crl"})
            if pem.detect(body):
                _, _, body = pem.unarmor(body)
            return crl.CertificateList.load(body, strict=True)
        except NO_ANSWER as error:
            raise CRLFetchError("the revocation list of the certificate could not be fetched") from error

    def fetched_crls(self) -> Iterable[crl.CertificateList]:
        return [entry for lists in self._lists.values() for entry in lists]

    def fetched_crls_for_cert(self, cert: x509.Certificate) -> Iterable[crl.CertificateList]:
        return self._lists[issuer_serial(cert)]


class _NoCertificateFetcher(CertificateFetcher):
    """Issuers come with the PKCS#12; a certificate does not get to name further addresses to dial."""

    async def fetch_cert_issuers(self, cert: Any) -> AsyncGenerator[x509.Certificate, None]:  # noqa: ARG002
        for certificate in self.fetched_certs():
            yield certificate

    async def fetch_crl_issuers(self, certificate_list: Any) -> AsyncGenerator[x509.Certificate, None]:  # noqa: ARG002
        for certificate in self.fetched_certs():
            yield certificate

    def fetched_certs(self) -> Iterable[x509.Certificate]:
        return []
