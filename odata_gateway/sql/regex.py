"""ECMAScript's regular expressions as Postgres's, for matchesPattern (URL Conventions 5.1.1.7.1).

Both look for a match anywhere and know the same operators, but not the same letters: `\\w`, `\\s`,
`.` and word boundaries mean other characters in Postgres, or depend on its locale. So every class
is worked out here, as ranges of code points, and written without any name. A match is true or
false, so that groups need not capture and lazy quantifiers are as good as greedy ones.

Postgres's engine is an automaton: no pattern takes exponential time, except with back references,
which are refused. Strings are read by code points, as everywhere in OData.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from odata_gateway.errors import BindValue, LimitNodes, ODataError, Unsupported

Ranges = tuple[tuple[int, int], ...]

MAX_LENGTH = 1000
MAX_SIZE = 2000
"""Characters and classes after {n} is written out: what compiles within some milliseconds."""
MAX_COUNT = 255
"""Postgres's own bound of {n,m}."""
MAX_DEPTH = 50
LAST = 0x10FFFF

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_SPACE: Ranges = (
    (9, 13),
    (32, 32),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_NAMED = re.compile(r"\(\?<[^\W\d]\w*>")
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_HEX = {
    "x": re.compile(r"x([0-9A-Fa-f]{2})"),
    "u": re.compile(r"u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\})"),
}


def translated(text: str) -> str:
    """The pattern as Postgres's advanced regular expression.

    raises  BindValue for what is no pattern, Unsupported for what Postgres cannot do as ECMAScript
            does, LimitNodes for too large ones
    """
    if len(text) > MAX_LENGTH:
        raise LimitNodes(f"a pattern of {len(text)} characters; the limit is {MAX_LENGTH}")
    reader = _PatternParser(text)
    found, size = reader.alternatives(0)
    if reader.at < len(text):
        raise reader.wrong("an unmatched ')'")
    if size > MAX_SIZE:
        raise LimitNodes(
            f"a pattern of {size} parts, counted after {{n}} is written out; the limit is {MAX_SIZE}"
        )
    return "***:" + found


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """All other characters a text can have."""
    found: list[tuple[int, int]] = []
    start = 1
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


def written(ranges: Iterable[tuple[int, int]]) -> str:
    """A class of characters; one of none matches nothing."""
    inside = complement(complement(ranges))
    if not inside:
        return "(?!)"
    outside = complement(inside)
    if not outside:
        return "(?:.)"
    marks, shown = ("[^", outside) if inside[-1][1] == LAST else ("[", inside)
    return (
        marks
        + "".join(_code(low) + (f"-{_code(high)}" if high > low else "") for low, high in shown)
        + "]"
    )


def _code(number: int) -> str:
    return chr(number) if chr(number).isascii() and chr(number).isalnum() else f"\\U{number:08X}"


_IN_WORD = written(_WORD)
_BOUNDARIES = {
    "b": f"(?:(?<={_IN_WORD})(?!{_IN_WORD})|(?<!{_IN_WORD})(?={_IN_WORD}))",
    "B": f"(?:(?<={_IN_WORD})(?={_IN_WORD})|(?<!{_IN_WORD})(?!{_IN_WORD}))",
}
_CLASSES = {
    "d": _DIGIT,
    "D": complement(_DIGIT),
    "w": _WORD,
    "W": complement(_WORD),
    "s": _SPACE,
    "S": complement(_SPACE),
}


class _PatternParser:
    """Reads a pattern from the left; each method answers what it read in Postgres's words, and its
    size."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, reason: str) -> ODataError:
        return BindValue(f"no regular expression: {reason} at {self.at}")

    def take(self, *texts: str) -> str:
        """The first of the texts that comes next, if one does."""
        found = next((t for t in texts if self.text.startswith(t, self.at)), "")
        self.at += len(found)
        return found

    def alternatives(self, depth: int) -> tuple[str, int]:
        if depth > MAX_DEPTH:
            raise LimitNodes(f"a pattern nested deeper than {MAX_DEPTH} levels")
        branches = [self.sequence(depth)]
        while self.take("|"):
            branches.append(self.sequence(depth))
        return "|".join(text for text, _ in branches), sum(size for _, size in branches)

    def sequence(self, depth: int) -> tuple[str, int]:
        parts: list[str] = []
        total = 0
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            text, size = self.term(depth)
            parts.append(text)
            total += size
        return "".join(parts) or "(?:)", max(total, 1)

    def term(self, depth: int) -> tuple[str, int]:
        """An assertion, or an atom with its quantifier."""
        if self.take("^"):
            return self.unquantified("^")
        if self.take("$"):
            return self.unquantified("$")
        if found := self.take("\\b", "\\B"):
            return self.unquantified(_BOUNDARIES[found[1]], 4)
        if look := self.take(*_LOOKS):
            inner, size = self.group(depth)
            return self.unquantified(f"{look}{inner})", size + 1)
        atom, size = self.atom(depth)
        return self.quantified(atom, size)

    def unquantified(self, text: str, size: int = 1) -> tuple[str, int]:
        if self.at < len(self.text) and (
            self.text[self.at] in "*+?" or _COUNT.match(self.text, self.at)
        ):
            raise self.wrong("a quantifier without anything to repeat")
        return text, size

    def atom(self, depth: int) -> tuple[str, int]:
        if self.take("(?:") or self.named() or self.take("("):
            if self.text.startswith("?", self.at):
                raise self.wrong("an unknown kind of group")
            inner, size = self.group(depth)
            return f"(?:{inner})", size
        if self.take("."):
            return written(complement(_LINE_ENDS)), 1
        if self.take("["):
            return written(self.members()), 1
        if self.take("\\"):
            found = self.escape()
            return written(found) if len(found) != 1 or found[0][0] != found[0][1] else _code(
                found[0][0]
            ), 1
        char = self.text[self.at]
        if char in "*+?{}]":
            raise self.wrong(f"a lone '{char}', which is written \\{char},")
        self.at += 1
        return _code(ord(char)), 1

    def named(self) -> bool:
        """A group with a name, which nothing can refer to."""
        match = _NAMED.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match is not None

    def group(self, depth: int) -> tuple[str, int]:
        inner = self.alternatives(depth + 1)
        if not self.take(")"):
            raise self.wrong("a missing ')'")
        return inner

    def quantified(self, atom: str, size: int) -> tuple[str, int]:
        mark = self.take("*", "+", "?")
        if not mark and (match := _COUNT.match(self.text, self.at)):
            self.at = match.end()
            mark, size = self.counted(match, size)
        if not mark:
            return atom, size
        self.take("?")  # lazy
        self.unquantified("")
        return f"{atom}{mark}", size

    def counted(self, match: re.Match[str], size: int) -> tuple[str, int]:
        low, comma, high = match.groups()
        counts = [int(count) for count in (low, high) if count]
        if len(counts) == 2 and counts[0] > counts[1]:
            raise self.wrong(f"{match[0]}, whose numbers are out of order,")
        if max(counts) > MAX_COUNT:
            raise Unsupported(
                f"{match[0]} in a pattern: Postgres repeats at most {MAX_COUNT} times"
            )
        bound = f"{{{counts[0]}{',' if comma else ''}{counts[1] if len(counts) == 2 else ''}}}"
        return bound, size * max(1, *counts)

    # --- characters

    def members(self) -> Ranges:
        """The characters of a class, behind its '['."""
        negated = bool(self.take("^"))
        found: list[tuple[int, int]] = []
        while not self.take("]"):
            low = self.member()
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self.member()
                if (
                    len(low) != 1
                    or len(high) != 1
                    or low[0][0] != low[0][1]
                    or high[0][0] != high[0][1]
                ):
                    raise self.wrong("a range between classes")
                if low[0][0] > high[0][0]:
                    raise self.wrong("a range that is out of order")
                low = ((low[0][0], high[0][0]),)
            found += low
        return complement(found) if negated else tuple(found)

    def member(self) -> Ranges:
        if self.at >= len(self.text):
            raise self.wrong("a missing ']'")
        if self.take("\\b"):
            return ((8, 8),)
        if self.take("\\"):
            return self.escape()
        self.at += 1
        return ((ord(self.text[self.at - 1]),) * 2,)

    def escape(self) -> Ranges:
        """What stands behind a backslash."""
        char = self.text[self.at : self.at + 1]
        if char in _CLASSES:
            self.at += 1
            return _CLASSES[char]
        if char in ("p", "P"):
            raise Unsupported(
                "\\p{...} in a pattern: Postgres does not know the properties of Unicode"
            )
        if char in ("k", *"123456789"):
            raise Unsupported("a back reference in a pattern: it may take unbounded time")
        code = self.character(char)
        if not 0 < code <= LAST or 0xD800 <= code <= 0xDFFF:
            raise self.wrong("a character that no text can have")
        return ((code, code),)

    def character(self, char: str) -> int:
        if char in _CONTROLS:
            self.at += 1
            return _CONTROLS[char]
        if char == "c" and re.match("c[A-Za-z]", self.text[self.at :]):
            self.at += 2
            return ord(self.text[self.at - 1]) % 32
        if char in _HEX:
            return self.hexadecimal(char)
        if not char or char.isalnum() or char == "_":
            raise self.wrong(f"the unknown escape \\{char}" if char else "a lone backslash")
        self.at += 1
        return ord(char)

    def hexadecimal(self, char: str) -> int:
        match = _HEX[char].match(self.text, self.at)
        if match is None:
            raise self.wrong(f"\\{char} without its digits")
        self.at = match.end()
        code = int(next(digits for digits in match.groups() if digits), 16)
        low = (
            re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})").match(self.text, self.at)
            if 0xD800 <= code < 0xDC00
            else None
        )
        if low is None:
            return code
        self.at = low.end()
        return 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
