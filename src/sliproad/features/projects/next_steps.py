"""What an installer does next, at a project and at a charge point: one sentence and one button. Pages of installers show it. Pure."""

from dataclasses import dataclass

from sliproad.features.charge_points.live_model import LiveState
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.projects.model import ProjectOverview
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import ngettext


@dataclass(frozen=True, slots=True)
class NextStep:
    """`tone` as of a card: empty, good, bad or warning."""

    text: str
    href: str
    action: str
    icon: str
    tone: str = ""


def next_in_project(overview: ProjectOverview) -> NextStep:
    """What the project needs now."""
    project, progress = overview.project, overview.progress
    here = f"/installer/projects/{project.project_id}"
    missing = project.charge_points_expected - progress.registered
    waiting = progress.registered - progress.commissioned - progress.failed - progress.in_progress
    if project.is_handed_over:
        return NextStep(
            _("The site owner has taken over. Nothing can be changed any more."),
            f"{here}/handover",
            _("To the certificate"),
            "file",
            "good",
        )
    if not progress.registered:
        return NextStep(
            _("Register the first charge point: its serial number is on the type plate."),
            f"{here}/register",
            _("Register a charge point"),
            "plus",
        )
    if progress.failed:
        text = ngettext(
            "%(num)s charge point failed its commissioning. See why, and start again.",
            "%(num)s charge points failed their commissioning. See why, and start again.",
            progress.failed,
        ) % {"num": progress.failed}
        return NextStep(text, f"{here}?status=commissioning_failed", _("Show what failed"), "alert", "bad")
    if waiting:
        text = ngettext(
            "%(num)s charge point waits to be commissioned. Connect it, then start.",
            "%(num)s charge points wait to be commissioned. Connect them, then start.",
            waiting,
        ) % {"num": waiting}
        return NextStep(text, f"{here}?status=registered", _("Show what waits"), "plug")
    if missing > 0:
        text = ngettext(
            "%(num)s charge point of the plan is still to be registered.",
            "%(num)s charge points of the plan are still to be registered.",
            missing,
        ) % {"num": missing}
        return NextStep(text, f"{here}/register", _("Register a charge point"), "plus")
    if progress.in_progress:
        text = _("Commissioning is running. You can watch it.")
        return NextStep(text, f"{here}?status=commissioning", _("Show what is running"), "play")
    return NextStep(
        _("Everything is commissioned. Fill in the checklist, and hand over."),
        f"{here}/handover",
        _("To the handover"),
        "pen",
        "good",
    )


def next_at_charge_point(charge_point: ChargePoint, live: LiveState, *, is_handed_over: bool) -> NextStep:
    """What the charge point needs now."""
    here = f"/installer/charge-points/{charge_point.charge_point_id}"
    to_commissioning = f"{here}/commissioning"
    if is_handed_over:
        text = _("Handed over to the site owner. Nothing can be changed any more.")
        return NextStep(text, to_commissioning, _("See its commissioning"), "list", "good")
    if charge_point.commissioning_status == "completed":
        text = _("Commissioned. Hand over when the whole project is.")
        return NextStep(text, f"/installer/projects/{charge_point.project_id}", _("To the project"), "folder", "good")
    if charge_point.commissioning_status == "in_progress":
        return NextStep(_("It is being commissioned now."), to_commissioning, _("Watch it"), "play")
    if not live.connected:
        text, tone = _("Enter the settings below in the charger. It connects by itself."), ""
        if live.connected_at is not None:
            text, tone = _("It is not connected now. See what is wrong, and what to do."), "warning"
        return NextStep(text, f"{here}/connection", _("Watch it connect"), "plug", tone)
    if charge_point.commissioning_status == "failed":
        text = _("Its commissioning failed. See what went wrong, then start again.")
        return NextStep(text, to_commissioning, _("See what went wrong"), "alert", "bad")
    return NextStep(_("It is connected and ready."), to_commissioning, _("Start commissioning"), "play", "good")
