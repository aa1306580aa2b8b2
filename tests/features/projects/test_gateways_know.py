"""What installers do reaches the memory of the gateways: registration, removal, rotation (house §3, trust G7)."""

from sliproad.features.security.mirror import Mirror
from workplace import Workplace


async def test_an_identity_registered_anew_opens_with_its_new_password_alone(workplace: Workplace) -> None:
    alex = await workplace.installer()
    project_id = await workplace.project(await workplace.organization(), alex)
    mirror = Mirror(workplace.engine, workplace.secret_key)
    first = await workplace.charge_point(alex, project_id, charge_point_id="CP-1")
    await mirror.refresh()
    old = mirror.find("CP-1")
    assert old is not None
    assert mirror.verify(old, first["provisioning_password"].encode()) is not None

    assert (await alex.delete("/api/v1/installer/charge-points/CP-1")).status_code == 204
    second = await workplace.charge_point(alex, project_id, charge_point_id="CP-1", ocpp_version="2.1")
    await mirror.refresh()
    new = mirror.find("CP-1")
    assert new is not None
    assert (new.key != old.key, new.ocpp_version) == (True, "2.1")
    assert mirror.by_key(old.key) is None
    assert mirror.verify(new, second["provisioning_password"].encode()) is not None
    assert mirror.verify(new, first["provisioning_password"].encode()) is None

    rotated = (await alex.post("/api/v1/installer/charge-points/CP-1/rotate-password")).json()
    await mirror.refresh()
    assert mirror.verify(new, rotated["provisioning_password"].encode()) is not None
    assert mirror.verify(new, second["provisioning_password"].encode()) is None

    assert (await alex.delete("/api/v1/installer/charge-points/CP-1")).status_code == 204
    await mirror.refresh()
    assert mirror.find("CP-1") is None
