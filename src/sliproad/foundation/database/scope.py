"""Who a transaction speaks for. The row-level security policies of `policies.py` read these values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What a transaction of role `web` may see: the rows of this organisation, installer, user, operator; and what `lookup` names exactly.

    `lookup` is how someone unknown finds the one row they can name: an e-mail at login, the hash of a mailed token, an API
    key's id. It opens rows whose own key equals it, and nothing else.
    """

    organization_id: str = ""
    installer_id: str = ""
    user_id: str = ""
    operator_id: str = ""
    lookup: str = ""

    def values(self) -> dict[str, str]:
        """By name, as `set_config` takes them."""
        return {
            "organization_id": self.organization_id,
            "installer_id": self.installer_id,
            "user_id": self.user_id,
            "operator_id": self.operator_id,
            "lookup": self.lookup,
        }


NOBODY = Scope()
ENGINE = NOBODY
"""For the gateway and workers: role `engine` sees every row, whatever the scope says."""
