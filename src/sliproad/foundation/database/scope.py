"""Who a transaction speaks for. The row-level security policies of `policies.py` read these values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What a transaction of role `web` may see: the rows of this organisation, installer, user; and what `lookup` names exactly.

    `lookup` is how someone unknown finds the one row they can name: an e-mail at login, the hash of a mailed token, an API
    key's id. It opens rows whose own key equals it, and nothing else.
    """

    organization_id: str = ""
    installer_id: str = ""
    user_id: str = ""
    lookup: str = ""


NOBODY = Scope()
ENGINE = NOBODY
"""For the gateway and workers: role `engine` sees every row, whatever the scope says."""
