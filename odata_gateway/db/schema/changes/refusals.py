"""Statements that the database refuses: because the model is behind it, or for good.

A refusal lasts if the model has been compared with the database since the first one of its kind,
and is still the same. A model that is made from the database may be found as before while tables
come and go, so that a statement which does not fit is believed to last after a while only. What
such a model itself withholds may be a change too: a column may have got another type between the
reading of the model and its comparison for a role.
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

    def start_over(self) -> None:
        """The model has come into use again, after another one."""
        self._seen.clear()

    def judged(self, error: ODataError, compared_at: float, *, is_made: bool) -> ODataError:
        """What a client is told: the error, if it lasts.

        compared_at  when the last comparison began
        is_made      the model is made from the database
        """
        is_withheld = error.__cause__ is None
        if not isinstance(error, DbModel) or (is_withheld and not is_made):
            return error  # a right that is gone is gone, and a table's errors are its own
        patience_s = _PATIENCE_S if is_made and not is_withheld else 0
        if compared_at >= self.first_seen(error) + patience_s:
            return error
        hint = "ask again in two seconds"
        return DbChanged("the database has changed, and its model is read again", hint=hint)
