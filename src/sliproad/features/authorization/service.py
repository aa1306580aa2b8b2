"""Authorization with this installation's key: commissioning takes its test token here, the OCPP handlers their rule."""

from collections.abc import Callable

from sliproad.features.authorization import model
from sliproad.features.authorization.model import AuthorizationStatus
from sliproad.foundation.crypto import SecretKey

PURPOSE = "test-token"


class AuthorizationService:
    """Decides in memory: a charge point waits for the answer with somebody standing beside it."""

    def __init__(self, secret_key: SecretKey, least_test_number: Callable[[int], int] = lambda _key: 0) -> None:
        """`least_test_number` gives, by charge point key, the number below which test tokens are dead."""
        self._key = secret_key.derive(PURPOSE)
        self._least_test_number = least_test_number

    def test_token(self, charge_point_key: int, number: int) -> str:
        """The test token of a charge point whose test is at this number: 20 characters, good on this charge point only."""
        return model.test_token(self._key, charge_point_key, number)

    def authorize(self, charge_point_key: int, id_token: str) -> AuthorizationStatus:
        """Whether `id_token` may charge at this charge point."""
        return model.authorization_status(self._key, charge_point_key, id_token, self._least_test_number)
