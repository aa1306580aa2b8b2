"""What connection settings must be to be stored (contract §5, OPER): each rule, and that nothing sent is repeated."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certificates import Authority
from sliproad.features.connections import version_rules
from sliproad.features.connections.model import NewVersion
from sliproad.foundation.errors import InvalidInput

NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
CA = Authority(begins=NOW - timedelta(days=1))
URL, CERTIFICATE, DOMAIN = (
    f"websocketConnectionArgs.{name}" for name in ("url", "caCertificate", "caCertificateDomain")
)


def a_version(**changes: Any) -> NewVersion:
    return NewVersion(
        **{
            "connectivity_mode": "DualProtocol",
            "url": "wss://your-ocpp-server.com/ocpp",
            "ca_certificate": CA.pem,
            "ca_certificate_domain": "your-ocpp-server.com",
            **changes,
        }
    )


def wrong_fields(**changes: Any) -> dict[str, str]:
    """Field -> what is wrong with it."""
    try:
        version_rules.check(a_version(**changes), NOW)
    except InvalidInput as error:
        return {each.field: each.message for each in error.errors}
    return {}


def test_the_documents_example_will_do() -> None:
    assert version_rules.check(a_version(password="your-password-of-16"), NOW) == ()


@pytest.mark.parametrize(
    "url",
    [
        "ws://192.168.1.101", "ws://192.168.1.101:9000/ocpp", "ws://[fd00::1]:9000", "ws://127.0.0.1/", "ws://csms.local",
        "ws://2130706433/",
    ],
)  # fmt: skip
def test_addresses_private_ones_too_go_with_ws(url: str) -> None:
    assert wrong_fields(url=url, ca_certificate=None, ca_certificate_domain=None) == {}


@pytest.mark.parametrize("host", ["192.168.1.101", "[2001:db8::1]", "8.8.8.8", "2130706433", "0x7f.1", "8.8.8.8."])
def test_an_address_does_not_go_with_wss(host: str) -> None:
    assert list(wrong_fields(url=f"wss://{host}:443/16json")) == [URL]


@pytest.mark.parametrize(
    "url",
    [
        "", "https://your-ocpp-server.com", "your-ocpp-server.com", "wss://", "wss:///ocpp", "wss://u@your-ocpp-server.com",
        "wss://u:p@your-ocpp-server.com", "wss://@your-ocpp-server.com", "wss://your-ocpp-server.com/?a=1",
        "wss://your-ocpp-server.com/?", "wss://your-ocpp-server.com/#x", "wss://your-ocpp-server.com/#",
        "wss://your-ocpp-server.com:0", "wss://your-ocpp-server.com:99999", "wss://your-ocpp-server.com:x",
        "wss://your ocpp.com", "wss://your-ocpp-server.com/\t", "wss://bücher.example", "wss://-x.example", "wss://a..b",
        "wss://your-ocpp-server.com\\@evil.example", "wss://" + "a" * 1000, "wss://[::1", "ws://ex_ample.com",
    ],
)  # fmt: skip
def test_a_url_that_is_none_names_the_field(url: str) -> None:
    assert list(wrong_fields(url=url)) == [URL]


@pytest.mark.parametrize(
    "url", ["wss://your-ocpp-server.com", "wss://your-ocpp-server.com:443/16json/", "WSS://Your-OCPP-Server.com./"]
)
def test_ports_paths_and_upper_case_go(url: str) -> None:
    assert wrong_fields(url=url) == {}


def test_wss_needs_a_certificate_and_its_domain() -> None:
    assert wrong_fields(ca_certificate=None, ca_certificate_domain=None) == {
        CERTIFICATE: "is required, since the URL begins with wss",
        DOMAIN: "is required, since the URL begins with wss",
    }


@pytest.mark.parametrize(
    "domain", ["ocpp-server.com", "*.ocpp-server.com", "evil.example", "your-ocpp-server.com.evil.example"]
)
def test_the_domain_is_the_urls_host(domain: str) -> None:
    assert wrong_fields(ca_certificate_domain=domain) == {DOMAIN: "must be equal to the URL's host"}


@pytest.mark.parametrize(
    "pem",
    [
        "string",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----",
        "é" + CA.pem,
    ],
)
def test_a_certificate_that_can_not_be_read(pem: str) -> None:
    assert list(wrong_fields(ca_certificate=pem)) == [CERTIFICATE]


def test_a_certificate_must_be_current_and_a_cas() -> None:
    expired = Authority(begins=NOW - timedelta(days=40), days=39)
    later = Authority(begins=NOW + timedelta(days=1))
    leaf = Authority("your-ocpp-server.com", is_ca=False, begins=NOW - timedelta(days=1))
    assert "has expired on 2026-04-30" in wrong_fields(ca_certificate=expired.pem)[CERTIFICATE]
    assert "is not valid before 2026-05-02" in wrong_fields(ca_certificate=later.pem)[CERTIFICATE]
    assert "is not a CA's certificate" in wrong_fields(ca_certificate=leaf.pem)[CERTIFICATE]
    assert CERTIFICATE in wrong_fields(ca_certificate=CA.pem + expired.pem)
    assert wrong_fields(ca_certificate=CA.pem + Authority(begins=NOW).pem) == {}


@pytest.mark.parametrize("mode", ["DualProtocol", "OcppOff"])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("ca_certificate", CERTIFICATE),
        ("ca_certificate_domain", DOMAIN),
        ("url", URL),
        ("password", "basicAuthPassword"),
    ],
)
def test_a_private_key_is_refused_wherever_it_is_and_never_repeated(field: str, name: str, mode: str) -> None:
    found = wrong_fields(**{field: CA.pem + CA.private_key_pem, "connectivity_mode": mode})
    assert list(found) == [name]
    assert "private key" in found[name]
    assert not any(line in found[name] for line in CA.private_key_pem.splitlines()[1:-1])


def test_switching_off_never_fails_on_certificates() -> None:
    expired = Authority(begins=NOW - timedelta(days=40), days=39).pem
    assert wrong_fields(connectivity_mode="OcppOff", ca_certificate=expired) == {}
    assert wrong_fields(connectivity_mode="OcppOff", ca_certificate=None, ca_certificate_domain=None) == {}
    assert wrong_fields(connectivity_mode="OcppOff", ca_certificate="junk", ca_certificate_domain="other") == {}
    assert list(wrong_fields(connectivity_mode="OcppOff", url="ftp://x")) == [URL]


@pytest.mark.parametrize("password", ["", "x" * 65, "********", "*", "a\nb"])
def test_a_password_that_is_none(password: str) -> None:
    assert list(wrong_fields(password=password)) == ["basicAuthPassword"]


@pytest.mark.parametrize(
    ("password", "warned_of"),
    [
        ("short", ["1.6", "2.0.1"]),
        ("x" * 21, ["1.6"]),
        ("sixteen letters!", ["2.0.1"]),
        ("x" * 64, ["1.6", "2.0.1"]),
        ("x" * 20, []),
    ],
)
def test_a_password_that_some_charge_points_will_not_take_is_warned_of(password: str, warned_of: list[str]) -> None:
    warnings = version_rules.check(a_version(password=password), NOW)
    assert [
        version for version in ("1.6", "2.0.1") if any(f"OCPP {version}" in each.message for each in warnings)
    ] == warned_of
    assert not any(password in each.message for each in warnings)


def test_a_password_over_ws_is_warned_of() -> None:
    warnings = version_rules.check(a_version(url="ws://csms.local", password="x" * 20), NOW)
    assert ["unencrypted" in each.message for each in warnings] == [True]


@pytest.mark.parametrize("identity", ["", "with blank", "a:b", "a/b", "x" * 49, "é"])
def test_an_identity_that_is_none(identity: str) -> None:
    assert list(wrong_fields(charge_point_id=identity, serial_number="SN")) == ["chargePointId"]
