"""May this token charge: 1.6 §4.1, 2.x C01; one rule for every message of every version."""

from collections.abc import Iterator

import pytest

from inbound_wire import SECRET, Installation
from sliproad.features.authorization.model import TEST_TOKEN_PREFIX
from sliproad.features.authorization.service import AuthorizationService
from sliproad.foundation.crypto import SecretKey


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


class TestTestToken:
    service = AuthorizationService(SECRET)

    def test_fits_an_id_tag(self) -> None:
        """1.6 §7.28: CiString20Type."""
        tokens = {self.service.test_token(key, n) for key in range(20) for n in range(20)}
        assert len(tokens) == 400
        assert all(len(token) == 20 and token.startswith(TEST_TOKEN_PREFIX) and token.isalnum() for token in tokens)

    def test_is_the_same_for_the_same_session(self) -> None:
        assert self.service.test_token(7, 1) == self.service.test_token(7, 1)

    def test_holds_on_its_charge_point_in_any_case(self) -> None:
        token = self.service.test_token(7, 1)
        assert self.service.authorize(7, token) == self.service.authorize(7, token.lower()) == "Accepted"

    def test_holds_nowhere_else(self) -> None:
        token = self.service.test_token(7, 1)
        assert self.service.authorize(8, token) == "Invalid"
        assert (
            AuthorizationService(SecretKey("another-secret-of-another-installation")).authorize(7, token) == "Invalid"
        )

    @pytest.mark.parametrize("position", range(20))
    def test_one_wrong_character_is_enough(self, position: int) -> None:
        token = self.service.test_token(7, 1)
        other = "A" if token[position] != "A" else "B"
        assert self.service.authorize(7, token[:position] + other + token[position + 1 :]) == "Invalid"

    @pytest.mark.parametrize("token", ["", "SLPT", "SLPT" + "A" * 16, "SLPT" + "ß" * 16, "04A1B2C3", "\0" * 20])
    def test_anything_else_is_invalid(self, token: str) -> None:
        assert self.service.authorize(7, token) == "Invalid"


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_every_version_decides_alike(installation: Installation, version: str) -> None:
    """The rule does not drift between versions or messages."""
    wire = installation.charge_point(version)
    for token, status in ((installation.authorization.test_token(wire.key, 1), "Accepted"), ("04A1", "Invalid")):
        if version == "1.6":
            start = {"connectorId": 1, "idTag": token, "meterStart": 0, "timestamp": "2026-05-01T10:23:00Z"}
            answers = [wire.say("Authorize", {"idTag": token}), wire.say("StartTransaction", start)]
            assert [answer["idTagInfo"] for answer in answers] == [{"status": status}] * 2
        else:
            id_token = {"idToken": token, "type": "Central"}
            event = {
                "eventType": "Started",
                "timestamp": "2026-05-01T10:23:00Z",
                "triggerReason": "Authorized",
                "seqNo": 0,
                "transactionInfo": {"transactionId": token},
                "idToken": id_token,
            }
            answers = [wire.say("Authorize", {"idToken": id_token}), wire.say("TransactionEvent", event)]
            assert [answer["idTokenInfo"] for answer in answers] == [{"status": status}] * 2
