"""Numbers that we choose and a charge point says back: ids of requests, of remote starts, of reservations.

They stay below `OURS_BELOW`, since those of an operator behind a relay travel above it: neither side's are taken for the other's
(`features/connections/relay_model/ids.py`).
"""

from typing import Final

OURS_BELOW: Final = 2**24
"""16 million are enough for one charge point, and leave an operator nearly all of the 31 bits."""
