"""What statuses of uploads mean: 1.6 §4.4 and whitepaper §4.6, 2.x N01."""

import datetime

import pytest

from sliproad.features.firmware.uploads_model import (
    FAILURES,
    LogRequest,
    Standing,
    answered,
    call,
    refused,
    settle,
)
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
PENDING = Standing("pending", "asked")


def settled(*words: str, after: datetime.timedelta = MINUTE / 2, is_arriving: bool = False) -> Standing:
    told = [(word, NOW) for word in words]
    return settle(PENDING, told, is_arriving=is_arriving, gives_up_at=NOW + 10 * MINUTE, now=NOW + after)


@pytest.mark.parametrize("version", list(OcppVersion))
@pytest.mark.parametrize("log_type", ["diagnostics", "security"])
@pytest.mark.parametrize("times", [(None, None), (NOW - MINUTE, NOW)])
def test_the_call_is_valid_in_every_version(version, log_type, times):
    action, payload = call(is_2x=version.is_2x, request=LogRequest(log_type, "https://a.example/u/1", 7, *times))
    validate_call(version, action, payload)
    assert action == ("GetDiagnostics" if (version, log_type) == (OcppVersion.V16, "diagnostics") else "GetLog")


def test_nothing_told_leaves_it_as_it_was_and_idle_tells_nothing():
    assert settled() == PENDING
    assert settled("Idle") == PENDING


def test_what_arrives_counts_more_than_what_is_told():
    assert settled("UploadFailure", is_arriving=True).status == "uploading"


@pytest.mark.parametrize("word", sorted(FAILURES))
def test_a_failure_is_told_in_a_sentence(word):
    assert settled("Uploading", word) == Standing("failed", FAILURES[word])


def test_uploaded_elsewhere_is_a_failure_after_a_minute():
    assert settled("Uploading", "Uploaded").status == "uploading"
    assert settled("Uploaded", after=MINUTE).detail.startswith(
        "The charge point says that it uploaded the file, but nothing"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "The charge point accepted but never uploaded a file."),
        (("Uploading",), "The charge point began to upload its log but never finished."),
    ],
)
def test_time_runs_out_with_a_sentence(words, sentence):
    assert settled(*words, after=11 * MINUTE).detail.startswith(sentence)


def test_what_is_finished_stays():
    done = Standing("failed", "x")
    assert settle(done, [("Uploading", NOW)], is_arriving=False, gives_up_at=NOW, now=NOW) == done


def test_answers():
    assert answered("GetDiagnostics", {}) == (
        Standing("failed", "The charge point has no diagnostics to upload."),
        None,
    )
    assert answered("GetDiagnostics", {"fileName": "a.zip"})[1] == "a.zip"
    rejected = {"status": "Rejected", "statusInfo": {"reasonCode": "Busy"}}
    assert answered("GetLog", rejected)[0].detail == "The charge point refused the request for its log: Busy."
    assert answered("GetLog", {"status": "Accepted", "filename": "a.log"}) == (
        Standing("pending", "The charge point accepted; it has not begun to upload yet."),
        "a.log",
    )
    assert refused("GetLog", "NotImplemented", None).detail.startswith("The charge point does not know GetLog.")
    assert refused("GetLog", "InternalError", "disk").detail.endswith("with the error InternalError: disk")
