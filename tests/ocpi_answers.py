"""What OCPI answers look like, for tests of the hub."""

from typing import Any

import httpx2


def assert_ocpi(answer: httpx2.Response, code: int, http_status: int = 200) -> dict[str, Any]:
    """The answer is OCPI's envelope with this code (§4.1.7, §5); gives it."""
    assert (answer.status_code, answer.json().get("status_code")) == (http_status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["timestamp"].endswith("Z")
    return answer.json()
