"""What applying a template does to a live session: finished steps stay, the rest is the new template's (contract §3). Pure."""

from dataclasses import replace

from features.commissioning.situations import NOW, TOKEN
from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.apply_template import is_configuring, told, waiting_for_reboot, with_template
from sliproad.features.commissioning.model import Note, Options, Session
from sliproad.features.commissioning.templates import DC_RAPID, STANDARD_AC

OPTIONS = {"skip_test_transaction": False, "run_connectivity_test": True, "run_meter_calibration": False}


def a_session(done: int, *, running: bool = False, **options: bool) -> Session:
    """The first `done` steps have passed; the next one runs, or not yet."""
    begun = workflow.begin("comm_1", STANDARD_AC, Options(**OPTIONS | options), TOKEN, NOW)
    steps = [replace(step, status="passed", started_at=NOW, finished_at=NOW) for step in begun.steps[:done]]
    rest = list(begun.steps[done:])
    if running:
        rest[0] = replace(rest[0], status="running", started_at=NOW, state={"phase": "read"})
    return replace(begun, steps=(*steps, *rest))


def names(session: Session) -> list[tuple[str, str]]:
    return [(step.name, step.status) for step in session.steps]


def test_steps_that_had_not_begun_are_the_new_templates():
    after = with_template(a_session(2), DC_RAPID, OPTIONS, NOW)
    assert names(after) == [
        ("connectivity", "passed"),
        ("heartbeat", "passed"),
        ("firmware_version", "pending"),
        ("configuration", "pending"),
        ("connector_test", "pending"),
        ("test_transaction", "pending"),
    ]
    assert after.template is DC_RAPID


def test_a_running_configuration_step_begins_anew():
    session = a_session(3, running=True)
    assert is_configuring(session)
    step = with_template(session, DC_RAPID, OPTIONS, NOW).steps[3]
    assert (step.name, step.status, step.state, step.started_at) == ("configuration", "pending", {}, None)


def test_another_running_step_goes_on():
    session = a_session(1, running=True)
    assert not is_configuring(session)
    step = with_template(session, DC_RAPID, OPTIONS, NOW).steps[1]
    assert (step.name, step.status, step.state) == ("heartbeat", "running", {"phase": "read"})


def test_a_finished_configuration_is_not_repeated_and_the_options_of_the_start_hold():
    options = OPTIONS | {"skip_test_transaction": True, "run_meter_calibration": True}
    session = a_session(4, skip_test_transaction=True, run_meter_calibration=True)
    assert names(with_template(session, DC_RAPID, options, NOW))[3:] == [
        ("configuration", "passed"),
        ("connector_test", "pending"),
        ("meter_calibration", "pending"),
        ("test_transaction", "skipped"),
    ]


OUTCOME = {
    "applied": ["A"], "unsupported": ["B"], "rejected": [], "read_only": [], "different": ["C"], "reboot_required": ["C"],
    "values": {"A": "1", "B": None, "C": "0"},
}  # fmt: skip


def test_the_log_tells_how_it_went():
    assert waiting_for_reboot(OUTCOME) == ["C"]
    assert told(DC_RAPID, OUTCOME) == Note("warn", "Template DC Rapid 50kW applied: 1 of 3 keys; not applied: B, C")
    assert told(DC_RAPID, None).level == "error"
