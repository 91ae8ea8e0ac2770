"""Pauses between attempts that double, for what fails again and again."""

from __future__ import annotations

import time


class Backoff:
    """The pauses: the first takes `first_s`, each next one twice as long, none longer than
    `longest_s`.

    count  pauses since the last `reset`
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._until = 0.0
        self.count = 0

    def pause(self) -> float:
        """Begin the next pause; its length in seconds."""
        pause_s = min(self._longest_s, self._first_s * 2.0 ** min(self.count, 63))
        self.count += 1
        self._until = time.monotonic() + pause_s
        return pause_s

    def reset(self) -> None:
        """End the pause: the next one is the first again."""
        self._until = 0.0
        self.count = 0

    @property
    def left_s(self) -> float:
        """Seconds until the pause is over; 0 outside of one."""
        return max(0.0, self._until - time.monotonic()) if self.count else 0.0
