"""What tests of the whole share."""

from collections.abc import Iterator

import pytest

from installation import Installation, installation


@pytest.fixture(scope="package")
def killable() -> Iterator[Installation]:
    """One whose processes tests kill (xdist group `kill`): they share it, since starting one costs more than most of them."""
    with installation(log_level="warning") as running:
        yield running
