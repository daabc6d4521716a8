"""Structured logs: one line an event, JSON for machines and aligned text for people.

Every decision is one line with the object, what was read, what was decided and why. The standard
library's loggers (kopf's, aiohttp's) go through the same pipeline, so a log file has one shape.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


# Libraries that narrate at INFO what only their developers want to know.
_CHATTY = ("kopf", "aiohttp", "botocore", "boto3", "urllib3")
# Libraries whose errors we raise and report ourselves, once and with the object they concern; and
# kopf's remark that it takes no signals, which is why it has a thread of its own.
_ECHOES = ("aiokafka", "aio_pika", "aiormq", "kopf._core.reactor.running")
# What these tell of kopf's end is in the one line with which `tandem.handlers` starts it again.
_SILENT = ("kopf._core.reactor.running", "kopf._core.reactor.orchestration")


class Tail:
    """A processor that keeps the last lines for a live view and passes them on, or not.

    Args:
        limit: how many lines to keep.
        swallow: keep them from being printed, because a live view owns the screen.
    """

    def __init__(self, limit: int = 200, *, swallow: bool = False) -> None:
        self.lines: deque[EventDict] = deque(maxlen=limit)
        self.swallow = swallow
        self.listeners: list[Callable[[EventDict], None]] = []

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        kept = {key: value for key, value in event.items() if not key.startswith("_")}
        self.lines.append(kept)
        for listener in self.listeners:
            listener(kept)
        if self.swallow:
            raise structlog.DropEvent
        return event


def configure(
    *,
    level: str = "info",
    style: LogFormat = LogFormat.AUTO,
    stream: TextIO | None = None,
    tail: Tail | None = None,
) -> None:
    """Set up logging for the whole process; call it once, before anything logs."""
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    if style is LogFormat.AUTO:
        style = LogFormat.TEXT if stream.isatty() else LogFormat.JSON
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    watch: list[Processor] = [tail] if tail else []
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            *watch,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if style is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler] if not (tail and tail.swallow) else [logging.NullHandler()]
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in _ECHOES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
