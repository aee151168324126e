"""No secret gets into a log, wherever it comes from: a library's message, an address, a stack trace."""

import logging
import re
from collections.abc import Iterable, MutableMapping
from typing import Any

SHORTEST_BYTES = 6
"""A shorter secret would black out half of the text."""
_TOKEN = re.compile(r"\b(medici|session|form|attempt|worker)_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)([^\s/:@'\"]{0,256}):([^\s'\"]{0,256})@")
_AUTHORIZATION = re.compile(r"(?i)(authorization['\"]?\s*[:=,]\s*b?['\"]?(?:bearer|basic)\s+)[^\s'\",)]+")
_known: set[str] = set()


def remember(secrets: Iterable[str]) -> None:
    """What to mask besides all that looks like a secret: passwords and keys of the settings."""
    _known.update(secret for secret in secrets if len(secret) >= SHORTEST_BYTES)


def masked(text: str) -> str:
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _TOKEN.sub(r"\1_***", text)
    text = _PASSWORD_IN_ADDRESS.sub(r"\1:***@", text)
    return _AUTHORIZATION.sub(r"\1***", text)


def mask_line(_logger: Any, _method: str, line: str | MutableMapping[str, Any]) -> str | MutableMapping[str, Any]:
    """The last of structlog's processors: the line as it will be written."""
    return masked(line) if isinstance(line, str) else line


class _Masked(logging.Formatter):
    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return masked(self.inner.format(record))


def mask_libraries() -> None:
    """Every handler that libraries have set up so far, stack traces included."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not isinstance(handler.formatter, _Masked):
            handler.setFormatter(_Masked(handler.formatter or logging.Formatter()))
