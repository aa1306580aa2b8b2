"""`GET /api/v1/cpo/transactions` (contract §4)."""

import datetime as dt
from decimal import Decimal

from sliproad.features.charging.store import TransactionRow
from sliproad.foundation.database import ENGINE
from workplace import Workplace, assert_problem

TRANSACTIONS = "/api/v1/cpo/transactions"


async def test_transactions_are_listed_newest_first_with_their_charge_point(workplace: Workplace) -> None:
    riverside, alex = await workplace.organization(), await workplace.installer()
    project_id = await workplace.project(riverside, alex)
    keys = {}
    for name in ("CP-A", "CP-B"):
        await workplace.charge_point(alex, project_id, charge_point_id=name)
        keys[name] = await workplace.key_of(name)
    now = workplace.clock.now()
    async with workplace.engine.transaction(ENGINE) as session:
        for number, name in enumerate(("CP-A", "CP-B", "CP-A")):
            at = now + dt.timedelta(minutes=number)
            row = TransactionRow(
                charge_point_key=keys[name], organization_id=riverside.id, transaction_id=str(number), evse_id=1,
                connector_id=1, id_token="04A2", received_at=at, started_at=at, meter_start_wh=Decimal(100),
            )  # fmt: skip
            if number == 0:
                row.stopped_at = row.stop_received_at = now
                row.meter_stop_wh = Decimal("120.5")
            session.add(row)
    first = (await riverside.get(TRANSACTIONS, params={"limit": 2})).json()
    rest = (await riverside.get(TRANSACTIONS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    shown = first["transactions"] + rest["transactions"]
    assert [(each["transaction_id"], each["charge_point_id"]) for each in shown] == [
        ("2", "CP-A"),
        ("1", "CP-B"),
        ("0", "CP-A"),
    ]
    assert (shown[2]["energy_wh"], shown[2]["open"], shown[0]["open"]) == (20.5, False, True)
    assert shown[0]["started_at"] == "2026-05-01T10:25:00Z"

    async def ids(**query: object) -> list[str]:
        answer = await riverside.get(TRANSACTIONS, params=query)
        return [each["transaction_id"] for each in answer.json()["transactions"]]

    assert await ids(charge_point_id="CP-A") == ["2", "0"]
    assert await ids(open=True) == ["2", "1"]
    assert await ids(open=False, charge_point_id="CP-A") == ["0"]
    assert_problem(await riverside.get(TRANSACTIONS, params={"charge_point_id": "CP-X"}), 404, "not_found")
    assert (await (await workplace.organization("Hilltop")).get(TRANSACTIONS)).json()["transactions"] == []
