"""Who decides whether a token may charge: we, the operator, both, or either (OPER's extension `authorizationDecision`)."""

from typing import Any

Info = dict[str, Any]
"""`idTagInfo` or `idTokenInfo`: a status, and what goes with it."""
ACCEPTED = "Accepted"
SILENT: Info = {"status": "Invalid"}
"""What stands for an operator that did not answer."""


def is_settled(decision: str, ours: str) -> bool:
    """Whether our own word (a status) is enough, so that the operator need not be asked."""
    if decision == "either":
        return ours == ACCEPTED
    if decision == "both":
        return ours != ACCEPTED
    return decision == "ours"


def decided(decision: str, ours: Info, theirs: Info | None) -> Info:
    """What the charge point is told; `theirs` is None when the operator's server said nothing in time: not accepted by them.

    Where both refuse, theirs says more than our Invalid.
    """
    if is_settled(decision, ours["status"]):
        return ours
    if decision == "either":
        return theirs or ours
    return theirs or SILENT
