"""A charge point's end of a socket, without the socket: validates what it says as the gateway does, calls the handler of
`app/ocpp_routes.py`, and commits the writes as `gateway/commit_group.py` does (grouped by statement, in order, one transaction).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row

from sliproad.app.ocpp_routes import ANY_ACTION, InboundSettings, routes
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.frame_log import frames
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database.sessions import as_role
from sliproad.foundation.inbound import Live, Outcome, Peer, Received, Statement, Write
from sliproad.foundation.inbound_parameters import Parameters
from sliproad.ocpp.validation import validate_call, validate_result
from sliproad.ocpp.versions import OcppVersion

ORGANIZATION = "org_tests"
NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
SECRET = SecretKey("a-secret-of-the-tests-that-nobody-else-has")


@dataclass
class Message:
    """One CALL and what the handler made of it; `key` is its charge point's."""

    key: int
    action: str
    outcome: Outcome
    writes: tuple[Write, ...]


def executed(
    connection: psycopg.Connection[Any], sql: str, parameters: Parameters, rows: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Run a set-based statement as `gateway/pipeline.py` does, without the pipeline."""
    values = parameters.encode(rows)
    result = connection.pgconn.exec_params(parameters.placed_in(sql), values, parameters.types, parameters.formats)
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise error_from_result(result)
    loader = Transformer(connection)
    loader.set_pgresult(result)
    return loader.load_rows(0, result.ntuples, tuple)


@dataclass
class Installation:
    """A database with one organisation, and the handlers of a gateway."""

    database_url: str
    authorization: AuthorizationService = field(default_factory=lambda: AuthorizationService(SECRET))

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(as_role(self.database_url, "engine"), autocommit=True)
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
        by_statement: dict[Statement, list[Write]] = {}
        for message in sorted(messages, key=lambda message: message.key):
            for write in message.writes:
                by_statement.setdefault(write[0], []).append(write)
        returned: dict[int, tuple[Any, ...]] = {}
        with self.connection.transaction():
            for statement, writes in sorted(by_statement.items(), key=lambda item: item[0].order):
                rows = executed(self.connection, statement.sql, statement.parameters, [row for _, row in writes])
                if statement.returns:
                    assert [row[0] for row in rows] == list(range(len(writes)))
                    returned |= {id(write): row[1:] for write, row in zip(writes, rows, strict=True)}
        answers = []
        for message in messages:
            answer = message.outcome.answer
            if not isinstance(answer, bytes):
                answer = answer([returned[id(write)] for write in message.writes if write[0].returns])
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
        return Message(self.key, action, outcome, (*outcome.writes, frame))

    def say(self, action: str, payload: dict[str, Any], at: datetime = NOW) -> dict[str, Any]:
        """Send one CALL; returns the answer, which is valid by the official schema."""
        (answer,) = self.installation.commit([self.message(action, payload, at)])
        validate_result(OcppVersion(self.peer.version), action, answer)
        return answer
