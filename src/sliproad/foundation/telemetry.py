"""Logs: structlog for people (console) or machines (JSON), on standard error. Each process configures its own at its start.

Whatever comes from outside is a value, never the event's name; line breaks are escaped or indented, so that nobody can forge
a line, and values called like secrets are not written (trust S3). The figures behind `/metrics` are in `web/context.py`.
"""

import io
import logging
import sys
import traceback
from typing import Any

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key", "cookie", "private_key", "pkcs12")
HIDDEN = "***"
SHARED_FIGURES = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder where web processes that share a port keep their figures, so that `/metrics` of any tells those of all.

The name is prometheus_client's own, which looks for it when it is imported.
"""
Values = structlog.typing.EventDict


def configure_logging(log_format: str, level: str, **bound: str) -> None:
    """Configure the process's logs; `bound` (role, gateway id) is on every line. Libraries' logs go the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        hide_secrets,
        one_line,
    ]
    ending = [structlog.processors.format_exc_info] if log_format == "json" else []
    renderer = json_renderer() if log_format == "json" else console_renderer()
    structlog.configure(
        processors=[*shared, *ending, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**bound)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # what is wrong with a file that somebody sent is a verdict, told to them; pyHanko warns of it with a traceback
    logging.getLogger("pyhanko.sign.validation").setLevel(logging.ERROR)


def json_renderer() -> structlog.typing.Processor:
    """One JSON object a line."""
    return structlog.processors.JSONRenderer(default=str)


def console_renderer() -> structlog.typing.Processor:
    """For people, coloured on a terminal."""
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=indented_traceback)


def hide_secrets(_logger: Any, _method: str, values: Values) -> Values:
    """A value whose name says that it is secret is not written, whoever logs it."""
    for name in values:
        if name != "event" and any(word in name.lower() for word in SECRET_WORDS):
            values[name] = HIDDEN
    return values


def one_line(_logger: Any, _method: str, values: Values) -> Values:
    """The event itself on one line: libraries put text from outside into it."""
    event = str(values.get("event", ""))
    values["event"] = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in event)
    return values


def indented_traceback(output: io.StringIO | Any, exc_info: Any) -> None:
    """A traceback each of whose lines is indented: an exception's text can hold line breaks that somebody sent."""
    for line in "".join(traceback.format_exception(*exc_info)).splitlines():
        output.write("\n    " + "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line))
