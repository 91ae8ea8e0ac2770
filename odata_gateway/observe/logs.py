"""The log: one line per request, and errors without the tokens of their requests."""

from __future__ import annotations

import logging
import sys
import traceback

from odata_gateway.errors import ODataError
from odata_gateway.observe.fast_log_handler import BatchingHandler
from odata_gateway.observe.log_lines import FinishedRequest, JsonFormatter, TextFormatter

ACCESS = logging.getLogger("odata_gateway.access")
LOG = logging.getLogger("odata_gateway.web")
_PROBES = ("health", "metrics")
_handler: BatchingHandler | None = None
"""What `set_up` has made; None: the program around has set up `logging`, and gets records."""


def access(done: FinishedRequest) -> None:
    """Log a request that is over. A request of a health check, or one for metrics, is logged at
    level debug only."""
    level = logging.DEBUG if done.stats.entity_set in _PROBES else logging.INFO
    if not ACCESS.isEnabledFor(level):
        return
    if _handler is None:
        # Logger.log would look for the calling line first, which takes as long as the record.
        ACCESS.handle(logging.LogRecord(ACCESS.name, level, "", 0, done, None, None))
    else:
        _handler.write_request(done, level, ACCESS.name)


def failure(error: BaseException, request_id: str, secrets: tuple[str, ...], what: str) -> None:
    """Log an unexpected exception with its traceback and the request's id, in which every secret
    is replaced."""
    text = "".join(traceback.format_exception(error))
    for secret in secrets:
        text = text.replace(secret, "***")
    LOG.error("%s id=%s\n%s", what, request_id, text)


def fault(error: ODataError, request_id: str) -> None:
    """Log in one line why a request failed outside the gateway. The message of the cause is left
    out, since it could quote a value."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None)
    named = f"{type(cause).__name__}, SQLSTATE {sqlstate}" if sqlstate else type(cause).__name__
    if error.server is not None:
        named += f", server {error.server}"
    LOG.warning("%s id=%s: %s (%s)", error.code, request_id, error, named)


def set_up(level: str, form: str) -> None:
    """Log to stderr from `level` on, as `text` or `json`; `auto` is text on a terminal and JSON
    elsewhere."""
    # No line shows the thread or the process, so records need not have them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    global _handler
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    _handler = BatchingHandler(sys.stderr, TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[_handler], force=True)
