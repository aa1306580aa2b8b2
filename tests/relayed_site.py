"""Charge points with a relay, for tests: assignments as the operators' API would write them, and what came of them.

The API itself has its own tests; these write the one table that gateways read, so that each test says which settings it means.
"""

import asyncio
import uuid
from typing import Any

import psycopg
from psycopg.rows import dict_row

from operator_server import OperatorServer
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.foundation.crypto import SealingKeys

PATIENCE_SECONDS = 120
LOOPBACK = ("127.0.0.0/8", "::1/128")

ASSIGN = """
insert into connection_assignments (charge_point_key, organization_id, site_id, operator_id, version_id, mode, url, ca_certificate,
    ca_certificate_domain, identity, username, password_sealed, authorization_decision, off_policy, changed_at, state, state_at)
  select key, organization_id, site_id, %(operator_id)s, 'ocv_test', %(mode)s, %(url)s, %(ca)s, %(domain)s, charge_point_id,
      %(user)s, %(password)s, %(decision)s, %(off)s, now(), %(state)s, now()
    from charge_points where charge_point_id = %(charge_point_id)s
on conflict (charge_point_key) do update set mode = excluded.mode, url = excluded.url, ca_certificate = excluded.ca_certificate,
  ca_certificate_domain = excluded.ca_certificate_domain, username = excluded.username, operator_id = excluded.operator_id,
  password_sealed = excluded.password_sealed, authorization_decision = excluded.authorization_decision,
  off_policy = excluded.off_policy, state = excluded.state, reason = null, connected_at = null,
  generation = nextval('connection_generations'), changed_xid = pg_current_xact_id()::text::bigint
returning generation
"""


class RelayedSite:
    """What an operator applies to charge points, and what it would see."""

    def __init__(self, database_url: str, secret: str) -> None:
        self.database_url = database_url
        self._secrets = ConnectionSecrets(SealingKeys([secret]))
        self.operator_id = self.new_operator()

    def new_operator(self) -> str:
        operator_id = f"opr_{uuid.uuid4().hex}"
        self.sql(
            "insert into operators (operator_id, name, contact_email) values (%(o)s, 'Operator', 'o@operator.example')",
            o=operator_id,
        )
        return operator_id

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def apply(self, charge_point_id: str, to: OperatorServer | str, **settings: Any) -> int:
        """Give a charge point a relay (or switch it off: `mode="off"`); gives the generation."""
        password = settings.get("password")
        mode = settings.get("mode", "relay")
        [row] = self.sql(
            ASSIGN,
            charge_point_id=charge_point_id,
            operator_id=settings.get("operator_id", self.operator_id),
            mode=mode,
            url=to if isinstance(to, str) else to.url,
            ca=settings.get("ca"),
            domain=settings.get("domain"),
            user=settings.get("user", charge_point_id),
            password=self._secrets.seal(password),
            decision=settings.get("decision", "either"),
            off=settings.get("off_policy", "drain"),
            state="off" if mode == "off" else "pending",
        )
        return row["generation"]

    def assignment(self, charge_point_id: str) -> dict[str, Any]:
        [row] = self.sql(
            "select a.* from connection_assignments a join charge_points c on c.key = a.charge_point_key"
            " where c.charge_point_id = %(c)s",
            c=charge_point_id,
        )
        return row

    async def state(self, charge_point_id: str, *states: str) -> dict[str, Any]:
        """The assignment, as soon as it is in one of these states."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (row := self.assignment(charge_point_id))["state"] not in states:
                await asyncio.sleep(0.03)
        return row

    async def told(self, charge_point_id: str, reason: str) -> dict[str, Any]:
        """The assignment, as soon as its reason holds these words."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while reason not in ((row := self.assignment(charge_point_id))["reason"] or ""):
                await asyncio.sleep(0.03)
        return row

    def messages(self, charge_point_id: str, **equal: str) -> list[dict[str, Any]]:
        """What the relay has recorded of a charge point."""
        rows = self.sql(
            "select m.* from relay_messages m join charge_points c on c.key = m.charge_point_key"
            " where c.charge_point_id = %(c)s order by seq",
            c=charge_point_id,
        )
        return [row for row in rows if all(row[name] == value for name, value in equal.items())]

    async def delivered(self, charge_point_id: str) -> None:
        """Until nothing waits."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.messages(charge_point_id, state="waiting"):
                await asyncio.sleep(0.03)

    async def recorded(self, charge_point_id: str, **equal: str) -> list[dict[str, Any]]:
        """Such messages, as soon as there is one: what nobody waits for is written within a second."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := self.messages(charge_point_id, **equal)):
                await asyncio.sleep(0.03)
        return found

    def transactions(self, charge_point_id: str) -> list[dict[str, Any]]:
        return self.transactions_in(self.database_url, charge_point_id)

    @staticmethod
    def transactions_in(database_url: str, charge_point_id: str) -> list[dict[str, Any]]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            return connection.execute(
                "select t.* from transactions t join charge_points c on c.key = t.charge_point_key"
                " where c.charge_point_id = %s order by transaction_key",
                [charge_point_id],
            ).fetchall()
