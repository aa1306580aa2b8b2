"""The passwords of operators' connections, encrypted at rest with keys outside the database (trust P3).

Versions are stored and read with it, gateways open with it what they send to operators' servers; `rotate` is in `key_rotation`.
"""

from sliproad.foundation.crypto import SealingKeys

PURPOSE = "operator connection password"


class ConnectionSecrets:
    """Seals and opens passwords."""

    def __init__(self, keys: SealingKeys) -> None:
        self.keys = keys

    def seal(self, password: str | None) -> bytes | None:
        """What is stored; None for no password."""
        return None if password is None else self.keys.seal(PURPOSE, password.encode())

    def open(self, sealed: bytes | None) -> str | None:
        """The password.

        Raises:
            WrongKey: sealed with a key that this installation is not given any more.
        """
        return None if sealed is None else self.keys.open(PURPOSE, sealed).decode()

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return self.keys.is_current(PURPOSE, sealed)

    def reseal(self, sealed: bytes) -> bytes:
        """The same under the newest key. Raises as `open`."""
        return self.keys.reseal(PURPOSE, sealed)
