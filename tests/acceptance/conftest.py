"""One running installation for a worker's acceptance tests."""

from collections.abc import Iterator

import pytest

from installation import Installation, installation


@pytest.fixture(scope="package")
def sliproad() -> Iterator[Installation]:
    with installation() as running:
        yield running
