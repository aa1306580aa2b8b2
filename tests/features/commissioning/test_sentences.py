"""Every sentence that the engine keeps of a session is known to its pages, and put together anew in the reader's language."""

import ast
import inspect
import re
from types import ModuleType

import pytest

from sliproad.features.commissioning import apply_template, ending, runner, service, workflow
from sliproad.features.commissioning.sentences import LOG, REFUSALS, SENTENCES, WAITS, told
from sliproad.features.commissioning.sentences import STEPS as STEP_SENTENCES
from sliproad.features.commissioning.step_words import CALLS, STEP_WORDS, call_of
from sliproad.features.commissioning.steps import (
    STEPS,
    availability,
    configuration,
    connectivity,
    connector_test,
    firmware_update,
    firmware_version,
    heartbeat,
    meter_calibration,
    meter_plausibility,
    test_transaction,
)
from sliproad.features.firmware import sentences as firmware_sentences
from sliproad.features.firmware import updates_model, uploads_model
from sliproad.foundation.language import reading
from sliproad.foundation.sentences import PLACE, Sentences, in_sentences

ALL = (*STEP_SENTENCES, *WAITS, *LOG, *REFUSALS)
SAID_BY = {"Finish": 1, "WaitUntil": 1, "Note": 1}
"""Which argument of these is for people."""
ENGINE = (
    apply_template, availability, configuration, connectivity, connector_test, ending, firmware_update, firmware_version,
    heartbeat, meter_calibration, meter_plausibility, runner, service, test_transaction, workflow,
)  # fmt: skip
HOLE = "\N{WHITE SQUARE}"
"""Where a value, or a part that is chosen, stands in a sentence of the code."""


def said(module: ModuleType) -> set[str]:
    """What a module's steps and notes say, with holes."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID_BY:
            position = SAID_BY[node.func.id]
            if len(node.args) > position and (text := sample(node.args[position])) is not None:
                found.add(text)
    return found


def sample(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return None


def fits(text: str) -> bool:
    """Whether a sentence with holes is one of the patterns, whatever is in the holes."""
    bare = text.removesuffix(f".{HOLE}").removesuffix(".")
    skeleton = ".*".join(map(re.escape, bare.split(HOLE)))
    return any(re.fullmatch(skeleton, PLACE.sub(value, pattern)) for pattern in ALL for value in ("7", "7: 7"))


@pytest.mark.parametrize("module", ENGINE, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_sentence_of_the_engine_is_known(module: ModuleType) -> None:
    ends = re.compile(rf"(?<=[.!?]) (?=[A-Z{HOLE}])")
    sentences = {sentence for text in said(module) for sentence in ends.split(text) if re.search("[a-z]", sentence)}
    unknown = {text for text in sentences if not fits(text) and not all(map(fits, text.split("; ")))}
    assert unknown == set()


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("Heartbeat received within 3s", "Heartbeat nach 3 s empfangen"),
        (
            "11 of 12 configuration keys applied; not supported by the firmware: ReserveConnectorZeroSupported",
            "11 von 12 Einstellungen gesetzt; von der Firmware nicht unterstützt: ReserveConnectorZeroSupported",
        ),
        (
            "Not finished within 90 s: still waiting for a BootNotification.",
            "In 90 s nicht fertig: wartet noch auf eine BootNotification.",
        ),
        (
            "The charge point speaks OCPP 1.6, but it is registered with OCPP 2.1. Set it to OCPP 2.1, or register it with OCPP 1.6.",
            "Der Ladepunkt spricht OCPP 1.6, ist aber mit OCPP 2.1 registriert. Stellen Sie ihn auf OCPP 2.1, oder registrieren Sie ihn mit OCPP 1.6.",
        ),
        (
            "Meter readings are plausible: 634.976 kWh at connector 1",
            "Die Zählerwerte sind glaubhaft: 634.976 kWh an Anschluss 1",
        ),
        ("Something that no step says. <script>", "Something that no step says. <script>"),
    ],
)
def test_a_sentence_is_put_together_anew(kept: str, shown: str) -> None:
    assert told(kept) == kept
    with reading("de"):
        assert told(kept) == shown


def test_what_firmware_and_logs_say_is_known() -> None:
    spoken = [detail for _state, detail in updates_model.STAGES.values()]
    spoken += [*updates_model.FAILURES.values(), *uploads_model.FAILURES.values(), *updates_model.REFUSALS.values()]
    spoken += [f"The charge point {ended} in time." for ended in updates_model.STOPPED_AT.values()]
    sentences = [sentence for text in spoken for sentence in in_sentences(text)]
    assert [text for text in sentences if firmware_sentences.SENTENCES.values(text) is None] == []


def test_every_step_has_words_and_every_call_is_a_wait() -> None:
    assert set(STEP_WORDS) == set(STEPS)
    assert [pattern for pattern in CALLS if SENTENCES.values(pattern.replace("%(connector)s", "1")) is None] == []


def test_a_wait_for_the_vehicle_calls_for_it() -> None:
    call = call_of("the test transaction: plug in the vehicle at connector 2 now")
    assert call is not None
    assert (call.urgency, call.title) == ("now", "Plug in the vehicle now")
    assert "connector 2" in call.text
    assert call_of("a Heartbeat") is None


def test_a_long_text_of_a_charger_costs_no_time() -> None:
    patterns = Sentences(["%(a)s and %(b)s and %(c)s end"])
    with reading("de"):
        assert patterns.told(" and " * 5000) == " and " * 5000
