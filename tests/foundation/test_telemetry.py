"""Logs: whole lines, no forged ones, no secrets (trust S3), for people and for machines."""

import json
import logging

import pytest
import structlog

from sliproad.foundation.telemetry import configure_logging

FORGED = "x\r\n2026-05-01T00:00:00Z [info     ] admin_logged_in\x1b[31m\u2028next"


@pytest.fixture(autouse=True)
def logging_as_before():
    handlers, level, before = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def fail_with(text: str) -> None:
    raise ValueError(text)


def test_json_is_one_object_a_line_with_time_level_and_what_is_bound(capsys):
    configure_logging("json", "info", role="worker")
    structlog.get_logger().info("job_done", job=7, at=object)
    (line,) = lines(capsys)
    said = json.loads(line)
    assert said["event"] == "job_done"
    assert (said["level"], said["role"], said["job"]) == ("info", "worker", 7)
    assert said["timestamp"].endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_break_in_a_value_forges_no_line(capsys, log_format):
    configure_logging(log_format, "info")
    structlog.get_logger().info("attempt", identity=FORGED, other=[FORGED])
    (line,) = lines(capsys)
    assert line.isprintable() or log_format == "console"
    assert "\x1b[31m" not in line


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_neither_does_one_in_a_librarys_log(capsys, log_format):
    configure_logging(log_format, "info")
    logging.getLogger("some.server").warning("Invalid request: %s", FORGED)
    (line,) = lines(capsys)
    assert "some.server" in line
    assert "\x1b[31m" not in line


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("library", [True, False])
def test_nor_one_in_the_text_of_an_exception(capsys, log_format, library):
    configure_logging(log_format, "info")
    try:
        fail_with(FORGED)
    except ValueError:
        logging.getLogger("some.library").exception("failed") if library else structlog.get_logger().exception("failed")
    first, *rest = lines(capsys)
    assert "failed" in first
    assert "ValueError" in "".join([first, *rest])
    assert all(line.startswith("    ") for line in rest if line)
    if log_format == "json":
        assert rest == []


def test_only_the_level_and_above_is_written(capsys):
    configure_logging("console", "warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line.split()[-1] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_values_called_like_secrets_are_not_written(capsys, log_format):
    """Trust S3: a canary in each of them."""
    configure_logging(log_format, "info")
    for name in (
        "password",
        "new_password",
        "secret",
        "webhook_secret",
        "token",
        "id_token",
        "authorization",
        "api_key",
    ):
        structlog.get_logger().info("something", **{name: "canary-7310", name.title(): "canary-7310"})
    said = capsys.readouterr().err
    assert said.count("something") == 8
    assert "canary" not in said


def test_configuring_again_forgets_what_was_bound(capsys):
    configure_logging("json", "info", role="one")
    configure_logging("json", "info", gateway="gw_2")
    structlog.get_logger().info("started")
    said = json.loads(lines(capsys)[0])
    assert "role" not in said
    assert said["gateway"] == "gw_2"
