"""Logs: structured (structlog), one event a line, times in UTC, secrets never among the fields."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Final

import structlog

SHORTEST_SECRET: Final = 4
"""Shorter ones would mask words that are none."""
MASK: Final = "***"
_PASSWORD_IN_ADDRESS: Final = re.compile(r"(\w+://[^\s:/@]*:)[^\s/@]+@")
_hidden: Final[set[str]] = set()


def configure_logging(level: str = "INFO", *, as_json: bool = False) -> None:
    """Set up logging for this process, once, at its start: our events and the libraries' through one renderer."""
    renderer = structlog.processors.JSONRenderer() if as_json else _console()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
            without_secrets,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("kafka", "py4j", "botocore", "urllib3", "pymongo", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # While a broker is away these report each attempt to reach it, several a second; our own errors say it once.
    for hopeful in ("kafka.net", "kafka.cluster"):
        logging.getLogger(hopeful).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _console() -> structlog.dev.ConsoleRenderer:
    """Give the renderer for people. Plain tracebacks: others show local variables, secrets among them, for seconds."""
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Have these texts masked in whatever this process logs from now on; such as are too short to be one stay."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            as_python = (secret, repr(secret)[1:-1])
            _hidden.update(as_python, (json.dumps(text)[1:-1] for text in as_python))


def without_secrets(_: object, __: str, rendered: Any) -> Any:
    """Mask known secrets, and the passwords of all addresses: drivers put what they were given into their own lines."""
    text = str(rendered)
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _PASSWORD_IN_ADDRESS.sub(rf"\1{MASK}@", text)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give a logger; call it with an event in words and keyword fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
