"""The reference shows every route of these rooms with who may use it and the answers it gives (contract §1)."""

from workplace import Workplace

METHODS = {"get", "put", "post", "patch", "delete"}


async def test_every_operation_names_its_credential_and_its_answer(workplace: Workplace) -> None:
    reference = (await workplace.client.get("/openapi.json")).json()
    operations = [
        (path, method, operation)
        for path, item in reference["paths"].items()
        for method, operation in item.items()
        if method in METHODS and path.startswith("/api/v1/")
    ]
    assert len(operations) > 40
    for path, method, operation in operations:
        place = f"{method} {path}"
        assert operation["security"], place
        assert operation.get("description") or operation.get("summary"), place
        assert {"200", "201", "204"} & operation["responses"].keys(), place
        assert "application/json" not in operation["responses"].get("422", {}).get("content", {}), (
            f"{place}: ours are 400"
        )
        creates = path.endswith(
            ("/sites", "/projects", "/installers", "/owners", "/installer/charge-points", "/bulk", "/api-keys")
        )
        assert ("201" in operation["responses"]) == (method == "post" and creates), place
