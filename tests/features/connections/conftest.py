"""An operator, and a site of an organisation that has it as its operator."""

import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from certificates import Authority
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from workplace import Somebody, Workplace, open_workplace


@pytest.fixture
async def workplace(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> AsyncIterator[Workplace]:
    async with open_workplace(web, engine, bus, clock, secret_key, tmp_path) as opened:
        yield opened


@dataclass
class Scene:
    """Riverside's site, run by Northern Lights."""

    workplace: Workplace
    cpo: Somebody
    installer: Somebody
    operator: Somebody
    site_id: str
    project_id: str
    ca: Authority

    @property
    def base(self) -> str:
        return f"/local-ocpp/v1/operators/{self.operator.id}"

    def details(self, **changes: Any) -> dict[str, Any]:
        """OPER's body."""
        arguments = {
            "url": "wss://your-ocpp-server.com/ocpp",
            "caCertificate": self.ca.pem,
            "caCertificateDomain": "your-ocpp-server.com",
            **changes.pop("websocketConnectionArgs", {}),
        }
        return {"connectivityMode": "DualProtocol", "websocketConnectionArgs": arguments, **changes}

    async def store(self, serial_number: str | None = None, **changes: Any) -> str:
        """Store details; the version."""
        path = f"{self.base}/connection-details" + (f"/{serial_number}" if serial_number else "")
        answer = await self.operator.post(path, json=self.details(**changes))
        assert answer.status_code == 201, answer.text
        return answer.json()["version"]

    async def apply(self, place: str, version: str, **more: Any) -> list[dict[str, Any]]:
        """Apply a version to `chargers/…` or `sites/…`; the rows of the answer."""
        answer = await self.operator.post(f"{self.base}/connections/{place}", json={"version": version, **more})
        assert answer.status_code == 202, answer.text
        return answer.json()["chargers"]

    async def state(self, serial_number: str) -> dict[str, Any]:
        answer = await self.operator.get(f"{self.base}/connections/chargers/{serial_number}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def charge_point(self, serial_number: str, **more: Any) -> dict[str, Any]:
        """Register one on the site; jobs do what follows."""
        made = await self.workplace.charge_point(
            self.installer, more.pop("project_id", self.project_id), serial_number=serial_number, **more
        )
        await self.workplace.work()
        return made


@pytest.fixture
async def scene(workplace: Workplace, clock: ManualClock) -> Scene:
    cpo, installer = await workplace.organization(), await workplace.installer()
    operator, site_id = await workplace.operator(), await workplace.site(cpo)
    project_id = await workplace.project(cpo, installer, site_id=site_id)
    await workplace.select_operator(cpo, site_id, operator)
    return Scene(workplace, cpo, installer, operator, site_id, project_id, Authority(begins=clock.now()))
