"""What request bodies have in common: unknown fields are refused by name, and texts are trimmed and never empty or endless."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A line of text that somebody must give: 1–200 characters after trimming."""


class RequestModel(BaseModel):
    """A body. Unknown fields are a `validation_error` that names them (contract §1); NaN and infinity are no numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
