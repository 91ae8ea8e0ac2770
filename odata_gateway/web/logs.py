"""Log lines without secrets: an access line a request, and tracebacks in which tokens are blotted out.

An access line names the path and the options, never the values: a token may stand among them, and a filter may hold a person's name.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from urllib.parse import unquote

ACCESS = logging.getLogger("odata_gateway.access")
LOG = logging.getLogger("odata_gateway.web")


def shown_target(target: str) -> str:
    """A request target as a log line may show it: the path, and the names of the options."""
    path, mark, query = target.partition("?")
    names = ",".join(unquote(option.partition("=")[0]) for option in query.split("&") if option)
    return _plain(path[:200]) + (f" [{_plain(names[:200])}]" if mark and names else "")


def _plain(text: str) -> str:
    """Text that can neither begin a new log line nor fail to be encoded."""
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)


def access(method: str, target: str, status: int, *, size: int, started: float, request_id: str, note: str = "") -> None:
    """Log one finished request, a probe of health only for debugging; `started` is the time.perf_counter() of its begin."""
    level = logging.DEBUG if target.startswith("/health") else logging.INFO
    took_ms = (time.perf_counter() - started) * 1000
    tail = f" {note}" if note else ""
    ACCESS.log(level, "%s %s %d %dB %.1fms id=%s%s", _plain(method[:20]), shown_target(target), status, size, took_ms, request_id, tail)


def failure(error: BaseException, request_id: str, secrets: tuple[str, ...], what: str) -> None:
    """Log an unexpected exception with its traceback, the request's id, and without the request's tokens."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "***")
    LOG.error("%s id=%s\n%s", what, request_id, text)


# --- Set-up -------------------------------------------------------------------------------------------------------------------


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


def set_up(level: str, form: str) -> None:
    """Log to stderr, in the form the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
