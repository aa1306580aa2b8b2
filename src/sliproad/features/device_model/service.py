"""Reads (and, for values read one by one, keeps) what a charge point says of itself. Commissioning and diagnostics use it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from sliproad.features.device_model.model import ReadBack, Report, Variable
from sliproad.features.device_model.statements import VARIABLES
from sliproad.features.device_model.store import DeviceReportPartRow, DeviceVariableRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Session, driver_connection
from sliproad.foundation.inbound_rows import encode_row


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
        part = DeviceReportPartRow
        query = select(
            part.request_id,
            func.count(),
            func.sum(part.variable_count),
            func.coalesce(func.bool_or(part.is_last), other=False),
            func.max(part.seq_no),
            func.max(part.generated_at),
            func.max(part.received_at),
        ).where(part.charge_point_key == charge_point_key)
        if request_id is not None:
            query = query.where(part.request_id == request_id)
        if since is not None:
            query = query.where(part.received_at >= since)
        newest = query.group_by(part.request_id).order_by(func.max(part.received_at).desc()).limit(1)
        row = (await session.execute(newest)).first()
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
        row = DeviceVariableRow
        query = select(row).where(row.charge_point_key == charge_point_key)
        if component is not None:
            query = query.where(func.lower(row.component) == component.lower())
        if variable is not None:
            query = query.where(func.lower(row.variable) == variable.lower())
        order = (row.component, row.component_instance, row.evse_id, row.connector_id, row.variable, row.attribute)
        rows = await session.scalars(query.order_by(*order).execution_options(populate_existing=True))
        return [Variable(**{name: getattr(found, name) for name in Variable.__slots__}) for found in rows]

    async def keep_read_back(
        self, session: Session, charge_point_key: int, organization_id: str, values: Sequence[ReadBack]
    ) -> None:
        """Keep values that were read by GetConfiguration or GetVariables. Never pass a password."""
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
                "x": value.value,
                "m": value.mutability,
            }
            for value in values
        ]
        row = encode_row(
            {"k": charge_point_key, "o": organization_id, "g": now.isoformat(), "t": now.timestamp(), "d": rows}
        )
        connection = await driver_connection(session)
        await connection.execute(VARIABLES.sql, {"rows": f"[{row.decode()}]"})
