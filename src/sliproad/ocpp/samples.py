"""Reading the decimal text of OCPP 1.6 sampled values.

1.6 sends numbers as strings, where "NaN" or "Infinity" would pass the schema and poison every sum. The validator and
the handlers of meter values share this one idea of what a number is. OCPP 1.6 §7.43 (SampledValue).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

DECIMAL_PATTERN: Final = r"^[-+]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][-+]?[0-9]{1,2})?$"

_DECIMAL = re.compile(DECIMAL_PATTERN[:-1] + r"\Z", re.ASCII)
_NOT_FINITE = re.compile(r"\s*[-+]?\s*(s?nan.*|inf|infinity|1\.#.*)\s*\Z", re.IGNORECASE | re.DOTALL)


def read_decimal(text: str) -> Decimal | None:
    """Give the number `text` writes, None when it is no finite decimal number of at most 20 digits; never raises."""
    return Decimal(text) if _DECIMAL.match(text) else None


def is_not_finite(text: str) -> bool:
    """Tell whether `text` stands for NaN or an infinity."""
    return _NOT_FINITE.match(text) is not None
