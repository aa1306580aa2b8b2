"""Who calls: the credentials token of an OCPI request, in any of the ways parties write it (OCPI 2.2.1 §4.1.2). `ocpi_routes` asks.

Tokens are kept as keyed hashes and found by them, so that a comparison takes the same time whatever is presented.
"""

from datetime import timedelta

from sliproad.features.roaming import store
from sliproad.features.roaming.model import Caller, ConnectionStatus
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.ocpi.status_codes import Unauthorized
from sliproad.ocpi.token_header import readings

PURPOSE = "ocpi token"
NOTED_EVERY = timedelta(seconds=30)
"""How exact `heard_at` is: a row is not written for every request."""


class Admission:
    def __init__(self, database: Database, clock: Clock, secret_key: SecretKey) -> None:
        """`database` speaks as `engine`: parties are nobody's tenants."""
        self.database, self.clock, self.secret_key = database, clock, secret_key

    async def admit(self, header: str | None) -> Caller:
        """The caller behind an `Authorization` header.

        Raises:
            Unauthorized: there is no token in it that anybody has.
        """
        found = {self.hash_of(reading.token): reading for reading in readings(header)}
        if not found:
            raise Unauthorized
        now = self.clock.now()
        async with self.database.transaction(ENGINE) as session:
            row = await store.by_token(session, list(found))
            if row is not None and row.our_token_hash is not None:
                reading = found[row.our_token_hash]
                if row.heard_at is None or now - row.heard_at > NOTED_EVERY:
                    row.heard_at = now
                return Caller(
                    await store.as_connection(session, row), reading.token, reading.style, is_registering=False
                )
            registering = await store.by_registration_token(session, list(found), now)
            if registering is None:
                raise Unauthorized("This credentials token is nobody's.")
            row, token_hash = registering
            reading = found[token_hash]
            return Caller(await store.as_connection(session, row), reading.token, reading.style, is_registering=True)

    def hash_of(self, token: str) -> str:
        """As tokens are kept."""
        return self.secret_key.fast_hash(PURPOSE, token)


def require_registered(caller: Caller) -> None:
    """For every module but versions and credentials.

    Raises:
        Unauthorized: the token is a registration token, the handshake is not over, or the connection is suspended.
    """
    if caller.is_registering:
        raise Unauthorized("A registration token works on versions and credentials only.")
    if not caller.connection.is_registered:
        raise Unauthorized("The handshake is not over yet.")
    if caller.connection.status is ConnectionStatus.SUSPENDED:
        raise Unauthorized("This connection is suspended.")
