"""Which claim something is in: `role`, `realm_access.roles`, `roles[0]`.

Names are separated by dots; one that has a dot itself stands in double quotes. A leading dot, as in
PostgREST's `jwt-role-claim-key`, changes nothing. A path that has `://` and no quotes is one name:
issuers call their own claims by URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_STEP = re.compile(r'\.?(?:"([^"]+)"|([^."\[\]]+))|\[([0-9]{1,4})\]')


@dataclass(frozen=True, slots=True)
class ClaimPath:
    """The way to a value in the claims of a token: names of members, and indexes of arrays."""

    text: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> ClaimPath:
        """raises  ValueError for a text that is not a path"""
        if "://" in text and '"' not in text:
            return cls(text, (text,))
        steps: list[str | int] = []
        at = 0
        while at < len(text):
            step = _STEP.match(text, at)
            if step is None or (at and step[3] is None and text[at] != "."):
                raise ValueError('the path of a claim, such as role or app_metadata."my.role"[0]')
            steps.append(int(step[3]) if step[3] is not None else step[1] or step[2])
            at = step.end()
        if not steps or isinstance(steps[0], int):
            raise ValueError("the path of a claim, which begins with a name")
        return cls(text, tuple(steps))

    def find(self, claims: Mapping[str, object]) -> object:
        """What the claims have there; None where they have nothing."""
        found: object = claims
        for step in self.steps:
            match found, step:
                case dict(), str():
                    found = found.get(step)
                case list(), int() if step < len(found):
                    found = found[step]
                case _:
                    return None
        return found
