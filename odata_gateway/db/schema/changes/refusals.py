"""Statements that the database refuses: because the model is behind it, or for good.

A refusal lasts if the model has been compared with the database since the first one of its kind,
and is still the same. A model that is made from the database may be found as before while tables
come and go, so that a statement which does not fit is believed to last after a while only.
"""

from __future__ import annotations

from time import monotonic

from odata_gateway.errors import DbChanged, DbModel, ODataError

_PATIENCE_S = 30.0
"""How long a statement that does not fit the database may be a matter of changes, where the model
is made from the database."""
_MOST = 1000


class Refusals:
    """Those of the statements of one model."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def first_seen(self, error: ODataError) -> float:
        """When the first refusal of this kind was, by time.monotonic()."""
        if len(self._seen) >= _MOST:
            self._seen.clear()
        return self._seen.setdefault(f"{error.code} {error} {error.__cause__}", monotonic())

    def judged(self, error: ODataError, compared_at: float, *, is_made: bool) -> ODataError:
        """What a client is told: the error, if it lasts.

        compared_at  when the last comparison began
        is_made      the model is made from the database
        """
        patience_s = _PATIENCE_S if is_made else 0
        if not _may_be_a_change(error) or compared_at >= self.first_seen(error) + patience_s:
            return error
        hint = "ask again in two seconds"
        return DbChanged("the database has changed, and its model is read again", hint=hint)


def _may_be_a_change(error: ODataError) -> bool:
    """Whether the model may be behind. What the model itself withholds has no cause, a right that
    is gone is gone, and other errors of a table are its own."""
    return isinstance(error, DbModel) and error.__cause__ is not None
