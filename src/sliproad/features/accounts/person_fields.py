"""Fields of a person that routes and pages both ask for."""

from typing import Annotated

from pydantic import StringConstraints

Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40, pattern=r"^[0-9+() ./-]+$")
]
