"""One virtual charge point in a process of its own, which a test may kill: `python charger_process.py URL LEDGER VERSION`."""

import asyncio
import sys
from pathlib import Path

from sliproad.simulator import ChargerSettings, VirtualCharger


async def charge(url: str, ledger: str, version: str) -> None:
    settings = ChargerSettings(
        url=url,
        identity="CP-1",
        version=version,  # type: ignore[arg-type]
        ledger_path=Path(ledger),
        time_scale=60.0,
        plug_in_delay_seconds=0.01,
        reconnect_seconds=0.01,
        sample_interval_override=0.02,
        vehicle="manual",
    )
    async with VirtualCharger(settings) as charger:
        await charger.wait_until_connected()
        await charger.start_charging(1, "RFID0001")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(charge(*sys.argv[1:]))
