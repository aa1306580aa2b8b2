"""Every action that a charge point may send has an answer: from the table, empty, or NotSupported (issue 2, part 4)."""

import pytest

from inbound_wire import SECRET
from sliproad.app.ocpp_routes import ANY_ACTION, InboundSettings, routes
from sliproad.features.authorization.service import AuthorizationService
from sliproad.foundation.inbound import Outcome, Peer, Received
from sliproad.ocpp.actions import sent_by_charge_point
from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.validation import actions, validate_result
from sliproad.ocpp.versions import OcppVersion

TABLE = routes(InboundSettings(300, 30, AuthorizationService(SECRET).authorize))
OTHERS = [
    (version, action)
    for version in OcppVersion
    for action in sorted(actions(version))
    if sent_by_charge_point(version, action) and (version.value, action) not in TABLE
]
REFUSED = {
    (OcppVersion.V16, "SignCertificate"),
    *(
        (version, action)
        for version in (OcppVersion.V201, OcppVersion.V21)
        for action in (
            "Get15118EVCertificate",
            "GetCertificateStatus",
            "NotifyEVChargingNeeds",
            "NotifyEVChargingSchedule",
            "SignCertificate",
        )
    ),
    *(
        (OcppVersion.V21, action)
        for action in (
            "GetCertificateChainStatus",
            "OpenPeriodicEventStream",
            "PullDynamicScheduleUpdate",
            "VatNumberValidation",
        )
    ),
}


def ask(version: OcppVersion, action: str) -> Outcome:
    peer = Peer(1, "CP-1", "org_1", version.value)
    return TABLE[version.value, ANY_ACTION](peer, {}, Received("1", action, b"{}", 0.0))


@pytest.mark.parametrize(("version", "action"), OTHERS)
def test_other_actions(version: OcppVersion, action: str) -> None:
    """An empty answer is valid by the schema, or it is refused with NotSupported."""
    if (version, action) in REFUSED:
        with pytest.raises(CallRefused) as refusal:
            ask(version, action)
        assert refusal.value.code == "NotSupported"
    else:
        assert ask(version, action).answer == b"{}"
        validate_result(version, action, {})


def test_what_is_refused_is_listed_above() -> None:
    assert set(OTHERS) >= REFUSED


def test_a_send_is_never_refused() -> None:
    """2.1 NotifyPeriodicEventStream: nobody would hear it."""
    assert ask(OcppVersion.V21, "NotifyPeriodicEventStream").answer == b"{}"


@pytest.mark.parametrize(("version", "count"), [(OcppVersion.V16, 13), (OcppVersion.V201, 12), (OcppVersion.V21, 12)])
def test_the_table_holds_only_what_charge_points_send(version: OcppVersion, count: int) -> None:
    routed = [action for known, action in TABLE if known == version.value and action != ANY_ACTION]
    assert all(sent_by_charge_point(version, action) for action in routed)
    assert len(routed) == count


@pytest.mark.parametrize("version", list(OcppVersion))
def test_data_transfer_of_an_unknown_vendor(version: OcppVersion) -> None:
    """1.6 §4.3, 2.x P02."""
    peer = Peer(1, "CP-1", "org_1", version.value)
    payload = {"vendorId": "com.example", "data": "x"}
    outcome = TABLE[version.value, "DataTransfer"](peer, payload, Received("1", "DataTransfer", b"{}", 0.0))
    assert outcome.answer == b'{"status":"UnknownVendorId"}'
