"""Which names tell of a secret (trust P3): one rule for the frame log, the device model, commissioning's logs and templates."""

import pytest

from sliproad.features.frame_log.redaction import redacted
from sliproad.ocpp.secret_settings import MASK, WORDS, is_secret, shown

SECRET = (
    "AuthorizationKey",
    "authorizationkey",
    "BasicAuthPassword",
    "SecurityCtrlr.BasicAuthPassword",
    "apnPassword",
    "simPin",
    "WebPaymentsCtrlr.SharedSecret",
    "WifiPassphrase",
    "WiFiPSK",
    "wifi.psk",
    "VendorApiKey",
    "TLS_PRIVATEKEY",
)
OPEN = (
    "AuthorizeRemoteTxRequests",
    "HeartbeatInterval",
    "MeterValuesSampledData",
    "SecurityProfile",
    "StopSkippedTx",
    "SecurityCtrlr.Identity",
    "PublicKeyWithSignedMeterValue",
    "UnlockConnectorOnEVSideDisconnect",
)


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_masked(name: str) -> None:
    assert is_secret(name)
    assert shown(name, "hunter2") == MASK
    assert shown(name, None) is None, "it is not known, and that is no secret"
    assert any(word in name.lower() for word in WORDS), "else the frame log would pass it over"


@pytest.mark.parametrize("name", SECRET)
def test_the_frame_log_takes_out_what_is_secret_elsewhere(name: str) -> None:
    frame = f'{{"key":"{name}","value":"hunter2"}}'.encode()
    assert b"hunter2" not in redacted("ChangeConfiguration", frame)


@pytest.mark.parametrize("name", OPEN)
def test_everything_else_is_shown(name: str) -> None:
    assert not is_secret(name)
    assert shown(name, "60") == "60"
