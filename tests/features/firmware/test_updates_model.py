"""What statuses of firmware updates mean: 1.6 §4.5 and whitepaper §4.2, 2.x L01, L02."""

import datetime

import pytest

from sliproad.features.firmware.updates_model import (
    FAILURES,
    Seen,
    Standing,
    UpdateRequest,
    Wanted,
    answered,
    call,
    fits,
    refused,
    settle,
)
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
REQUESTED = Standing("requested", "asked")
WANTED = Wanted("4.0.1", "3.4.1", NOW, NOW + 60 * MINUTE, 2 * MINUTE)


def settled(*words: str, boot: str | None = None, wanted: Wanted = WANTED, after: int = 1) -> Standing:
    told = [(word, NOW) for word in words]
    seen = Seen(told, NOW + MINUTE / 2 if boot else NOW - MINUTE, boot or "3.4.1")
    return settle(wanted, REQUESTED, seen, NOW + after * MINUTE)


@pytest.mark.parametrize("version", list(OcppVersion))
@pytest.mark.parametrize("signature", [None, "c2ln"])
def test_the_call_is_valid_in_every_version(version, signature):
    request = UpdateRequest("https://a.example/fw.bin", 7, NOW, signature, "PEM" if signature else None)
    action, payload = call(is_2x=version.is_2x, request=request)
    validate_call(version, action, payload)
    assert action == ("SignedUpdateFirmware" if signature and not version.is_2x else "UpdateFirmware")


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ((), "requested"),
        (("DownloadScheduled",), "requested"),
        (("Downloading",), "downloading"),
        (("Downloading", "DownloadPaused"), "downloading"),
        (("Downloading", "Downloaded"), "downloaded"),
        (("Downloaded", "SignatureVerified"), "downloaded"),
        (("Downloaded", "InstallScheduled"), "downloaded"),
        (("Downloaded", "Installing"), "installing"),
        (("Installing", "InstallRebooting"), "installing"),
        (("Installing", "Installed"), "installing"),
        (("Downloading", "Idle"), "downloading"),
    ],
)
def test_each_status_is_a_state(words, state):
    assert settled(*words).state == state


@pytest.mark.parametrize("word", sorted(FAILURES))
def test_a_failure_is_told_in_a_sentence(word):
    assert settled("Downloading", word) == Standing("failed", FAILURES[word])


def test_the_boot_with_the_new_version_is_the_proof_even_where_nothing_was_told():
    for words in ((), ("Downloading",), ("Installing", "Installed")):
        assert settled(*words, boot="4.0.1").state == "installed"
    assert settled("Installing", "Installed").state == "installing", "the last boot was before the request"


def test_the_same_version_again_needs_to_have_been_worked_on():
    same = Wanted("3.4.1", "3.4.1", NOW, NOW + 60 * MINUTE, 2 * MINUTE)
    assert settled("Downloading", boot="3.4.1", wanted=same).state == "downloading"
    assert settled("Installing", boot="3.4.1", wanted=same).state == "installed"


def test_installed_with_a_boot_of_another_version_fails_after_a_while():
    assert settled("Installed", boot="3.4.1").state == "installing"
    late = settled("Installed", boot="3.4.1", after=3)
    assert late.detail == "The charge point says that the firmware is installed, but it booted with 3.4.1, not 4.0.1."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "The charge point accepted the update but never began to download in time."),
        (("Downloading",), "The charge point began to download the firmware but never finished in time."),
        (("Downloaded",), "The charge point downloaded the firmware but never installed it in time."),
        (("Installed",), "The charge point began to install the firmware but never booted with it in time."),
    ],
)
def test_time_runs_out_with_a_sentence(words, sentence):
    assert settled(*words, after=61) == Standing("failed", sentence)


def test_what_is_finished_stays():
    done = Standing("failed", "x")
    assert settle(WANTED, done, Seen([("Installing", NOW)], NOW + MINUTE, "4.0.1"), NOW + MINUTE) == done


def test_answers():
    assert answered({}).state == answered({"status": "AcceptedCanceled"}).state == "requested"
    assert answered({"status": "Rejected"}).detail == "The charge point refused the update."
    info = {"reasonCode": "X", "additionalInfo": "unknown CA"}
    told = answered({"status": "InvalidCertificate", "statusInfo": info})
    assert told == Standing("failed", "The charge point does not trust the signing certificate: unknown CA.")
    unknown = refused("SignedUpdateFirmware", "NotImplemented", "")
    assert unknown.detail.endswith("It does not take signed firmware; add it without its signature.")
    assert refused("UpdateFirmware", "GenericError", "disk").detail.endswith("with the error GenericError: disk")


@pytest.mark.parametrize(
    ("models", "model", "is_meant"),
    [
        (["*"], "HYC300", True),
        (["hyc*"], "HYC300", True),
        (["HYC3?0"], "HYC300", True),
        (["HYC"], "HYC300", False),
        ([], "HYC300", False),
    ],
)
def test_models_are_patterns(models, model, is_meant):
    assert fits("Alpitronic", models, of_vendor="ALPITRONIC", of_model=model) is is_meant
    assert not fits("ABB", models, of_vendor="Alpitronic", of_model=model)
