"""Authorization with this installation's key: commissioning takes its test token here, the OCPP handlers their rule."""

from sliproad.features.authorization import model
from sliproad.features.authorization.model import AuthorizationStatus
from sliproad.foundation.crypto import SecretKey

PURPOSE = "test-token"


class AuthorizationService:
    """Decides in memory: a charge point waits for the answer with somebody standing beside it."""

    def __init__(self, secret_key: SecretKey) -> None:
        self._key = secret_key.derive(PURPOSE)

    def test_token(self, charge_point_key: int, session_id: str) -> str:
        """The token of this commissioning session's test transaction: 20 characters, good on this charge point only."""
        return model.test_token(self._key, charge_point_key, session_id)

    def authorize(self, charge_point_key: int, id_token: str) -> AuthorizationStatus:
        """Whether `id_token` may charge at this charge point."""
        return model.authorization_status(self._key, charge_point_key, id_token)
