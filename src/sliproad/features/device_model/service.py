"""Reads (and, for values read one by one, keeps) what a charge point says of itself. Commissioning and diagnostics use it."""

from collections.abc import Sequence
from datetime import datetime

from sliproad.features.device_model import store
from sliproad.features.device_model.model import ReadBack, Report, Variable
from sliproad.features.device_model.statements import VARIABLES
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Session, Where, run
from sliproad.foundation.inbound_rows import encode_row
from sliproad.ocpp.secret_settings import shown


class DeviceModelService:
    """Every method works in the caller's transaction and sees what its scope sees."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def reported(
        self,
        session: Session,
        charge_point_key: int,
        request_id: int | None = None,
        *,
        since: datetime | None = None,
    ) -> Report | None:
        """What has come of the report `request_id`, or of the newest one; None where nothing came (since `since`)."""
        row = await store.newest_report(session, charge_point_key, request_id, since)
        if row is None:
            return None
        found_id, parts, variables, has_last, last_seq_no, generated_at, received_at = row
        return Report(
            request_id=found_id,
            part_count=parts,
            variable_count=variables,
            is_complete=has_last and parts == last_seq_no + 1,
            generated_at=generated_at,
            received_at=received_at,
        )

    async def variables(
        self, session: Session, charge_point_key: int, *, component: str | None = None, variable: str | None = None
    ) -> list[Variable]:
        """The variables last reported, in the order of their names; names narrow, regardless of case (2.x §2.1.3)."""
        rows = await store.variables(session, charge_point_key, component, variable)
        return [Variable(**{name: getattr(found, name) for name in Variable.__slots__}) for found in rows]

    async def keep_read_back(
        self, where: Where, charge_point_key: int, organization_id: str, values: Sequence[ReadBack]
    ) -> None:
        """Keep values that were read by GetConfiguration or GetVariables; secrets masked. By itself for role `engine`."""
        now = self._clock.now()
        rows = [
            {
                "c": value.component,
                "i": value.component_instance,
                "e": value.evse_id,
                "n": value.connector_id,
                "v": value.variable,
                "w": value.variable_instance,
                "a": value.attribute,
                "x": shown(value.variable, value.value),
                "m": value.mutability,
            }
            for value in values
        ]
        row = encode_row(
            {"k": charge_point_key, "o": organization_id, "g": now.isoformat(), "t": now.timestamp(), "d": rows}
        )
        await run(where, VARIABLES.sql, {"rows": f"[{row.decode()}]"})
