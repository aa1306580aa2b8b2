"""A charge point's end of a socket, without the socket: validates what it says as the gateway does, calls the handler of
`app/ocpp_routes.py`, and commits the writes as `gateway/commit_group.py` does (grouped by statement, in order, one transaction).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from sliproad.app.ocpp_routes import ANY_ACTION, InboundSettings, routes
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.frame_log import frames
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database.sessions import as_role
from sliproad.foundation.inbound import Live, Outcome, Peer, Received, Write
from sliproad.foundation.inbound_parameters import register
from sliproad.ocpp.validation import validate_call, validate_result
from sliproad.ocpp.versions import OcppVersion

ORGANIZATION = "org_tests"
NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
SECRET = SecretKey("a-secret-of-the-tests-that-nobody-else-has")


@dataclass
class Message:
    """One CALL and what the handler made of it."""

    action: str
    outcome: Outcome
    writes: tuple[Write, ...]


@dataclass
class Installation:
    """A database with one organisation, and the handlers of a gateway."""

    database_url: str
    authorization: AuthorizationService = field(default_factory=lambda: AuthorizationService(SECRET))

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(as_role(self.database_url, "engine"), autocommit=True)
        register(self.connection.adapters)
        self.owner = psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row)
        self.owner.execute(
            "insert into organizations (organization_id, name, contact_email) values (%s, 'Tests', 't@example.com')",
            [ORGANIZATION],
        )
        self.owner.execute(
            "insert into sites (site_id, organization_id, name, address) values ('site_1', %s, 'S', 'A')",
            [ORGANIZATION],
        )
        self.owner.execute(
            "insert into projects (project_id, organization_id, site_id, name, charge_points_expected)"
            " values ('proj_1', %s, 'site_1', 'P', 1)",
            [ORGANIZATION],
        )
        self.handlers = routes(InboundSettings(300, 30, self.authorization.authorize))
        self.count = 0

    def close(self) -> None:
        self.connection.close()
        self.owner.close()

    def charge_point(self, version: str = "1.6", **facts: Any) -> "Wire":
        """A registered charge point, connected."""
        self.count += 1
        identity = f"CP-{self.count:03}"
        row = self.owner.execute(
            "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor, model,"
            " ocpp_version, connector_count) values (%s, %s, 'site_1', 'proj_1', %s, 'V', 'M', %s, 2) returning key",
            [identity, ORGANIZATION, identity, version],
        ).fetchone()
        assert row is not None
        self.owner.execute(
            "insert into charge_point_live (charge_point_key, organization_id) values (%s, %s)",
            [row["key"], ORGANIZATION],
        )
        peer = Peer(row["key"], identity, ORGANIZATION, version)
        peer.epoch = 7
        for name, value in facts.items():
            setattr(peer, name, value)
        return Wire(self, peer)

    def commit(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Commit the writes of a group; returns the answers."""
        by_statement: dict[str, list[Write]] = {}
        for message in sorted(
            messages, key=lambda message: message.writes[0].charge_point_key if message.writes else 0
        ):
            for write in message.writes:
                by_statement.setdefault(write.statement.name, []).append(write)
        returned: dict[int, tuple[Any, ...]] = {}
        with self.connection.transaction():
            for writes in sorted(by_statement.values(), key=lambda writes: writes[0].statement.order):
                statement = writes[0].statement
                parameters = statement.parameters([write.row for write in writes])
                cursor = self.connection.execute(statement.sql, parameters)
                if writes[0].statement.returns:
                    rows = cursor.fetchall()
                    assert [row[0] for row in rows] == list(range(len(writes)))
                    returned |= {id(write): row[1:] for write, row in zip(writes, rows, strict=True)}
        answers = []
        for message in messages:
            answer = message.outcome.answer
            if not isinstance(answer, bytes):
                answer = answer([returned[id(write)] for write in message.writes if write.statement.returns])
            answers.append(orjson.loads(answer))
        return answers

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What the owner of the database sees."""
        return self.owner.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> dict[str, Any]:
        (found,) = self.rows(query, *values)
        return found


@dataclass
class Wire:
    installation: Installation
    peer: Peer
    sent: int = 0
    live: list[Live] = field(default_factory=list)

    @property
    def key(self) -> int:
        return self.peer.key

    def message(self, action: str, payload: dict[str, Any], at: datetime = NOW) -> Message:
        """What the gateway would submit for this CALL, its frame with it."""
        raw = orjson.dumps(payload)
        seen = orjson.loads(raw)
        leniences = validate_call(OcppVersion(self.peer.version), action, seen, tolerant=True)
        handlers = self.installation.handlers
        handler = handlers.get((self.peer.version, action), handlers[self.peer.version, ANY_ACTION])
        self.sent += 1
        message_id = f"m{self.sent}"
        outcome = handler(self.peer, seen, Received(message_id, action, raw, at.timestamp(), int(leniences)))
        if outcome.live is not None:
            self.live.append(outcome.live)
        frame = frames.write(self.peer, "in", "call", message_id, action, raw, at.timestamp(), "result")
        return Message(action, outcome, (*outcome.writes, frame))

    def say(self, action: str, payload: dict[str, Any], at: datetime = NOW) -> dict[str, Any]:
        """Send one CALL; returns the answer, which is valid by the official schema."""
        (answer,) = self.installation.commit([self.message(action, payload, at)])
        validate_result(OcppVersion(self.peer.version), action, answer)
        return answer
