"""Regular expressions of ECMAScript as those of Postgres, for matchesPattern (URL Conventions
5.1.1.7.1).

Both search for a match anywhere, and have the same operators. They differ in their classes of
characters: `\\w`, `\\s`, `.` and word boundaries mean other ones in Postgres, or depend on its
locale. So each class is computed here as ranges of code points, and written without a name. Only
whether there is a match counts, so groups do not capture, and lazy quantifiers become greedy.

Postgres compiles a pattern to an automaton, so none takes exponential time. Back references are the
exception, and are refused. Strings are sequences of code points, as everywhere in OData.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from odata_gateway.errors import BindValue, LimitNodes, ODataError, Unsupported

Ranges = tuple[tuple[int, int], ...]

MAX_LENGTH = 1000
MAX_SIZE = 2000
"""Characters and classes once `{n}` is expanded; such a pattern compiles within milliseconds."""
MAX_COUNT = 255
"""Postgres's own limit for the numbers in `{n,m}`."""
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
    """The pattern as an advanced regular expression of Postgres.

    raises  BindValue    for a malformed pattern
            Unsupported  for what Postgres cannot do as ECMAScript does
            LimitNodes   for a pattern that is too large
    """
    if len(text) > MAX_LENGTH:
        raise LimitNodes(
            f"a pattern must not have more than {MAX_LENGTH} characters; this one has {len(text)}"
        )
    reader = _PatternParser(text)
    found, size = reader.alternatives(0)
    if reader.at < len(text):
        raise reader.wrong("an unmatched ')'")
    if size > MAX_SIZE:
        raise LimitNodes(
            f"a pattern must not have more than {MAX_SIZE} characters and classes once {{n}} is "
            f"expanded; this one has {size}"
        )
    return "***:" + found


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """All other characters that a text can have."""
    found: list[tuple[int, int]] = []
    start = 1
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


def written(ranges: Iterable[tuple[int, int]]) -> str:
    """A class of characters as text; an empty class matches nothing."""
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


def _is_character(ranges: Ranges) -> bool:
    """Whether a class is a single character."""
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


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
    """Reads a pattern from the left. Methods give what they read as a pattern of Postgres, and its
    size in characters and classes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, reason: str) -> ODataError:
        return BindValue(f"the regular expression has {reason} at {self.at}")

    def take(self, *texts: str) -> str:
        """The first of the texts that stands here, which is read; or an empty text."""
        found = next((t for t in texts if self.text.startswith(t, self.at)), "")
        self.at += len(found)
        return found

    def alternatives(self, depth: int) -> tuple[str, int]:
        if depth > MAX_DEPTH:
            raise LimitNodes(f"a pattern must not be nested deeper than {MAX_DEPTH} levels")
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
            raise self.wrong("a quantifier with nothing to repeat")
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
            return _code(found[0][0]) if _is_character(found) else written(found), 1
        char = self.text[self.at]
        if char in "*+?{}]":
            raise self.wrong(f"an unescaped '{char}' (write \\{char})")
        self.at += 1
        return _code(ord(char)), 1

    def named(self) -> bool:
        """Whether a group with a name begins here; nothing can refer to the name."""
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
            raise self.wrong(f"{match[0]} with its numbers out of order")
        if max(counts) > MAX_COUNT:
            raise Unsupported(
                f"{match[0]} is not supported in a pattern: the database repeats at most "
                f"{MAX_COUNT} times"
            )
        bound = f"{{{counts[0]}{',' if comma else ''}{counts[1] if len(counts) == 2 else ''}}}"
        return bound, size * max(1, *counts)

    # --- characters

    def members(self) -> Ranges:
        """The characters of a class whose '[' has been read."""
        negated = bool(self.take("^"))
        found: list[tuple[int, int]] = []
        while not self.take("]"):
            low = self.member()
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self.member()
                if not (_is_character(low) and _is_character(high)):
                    raise self.wrong("a range with a class as its end")
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
        """The characters of an escape whose backslash has been read."""
        char = self.text[self.at : self.at + 1]
        if char in _CLASSES:
            self.at += 1
            return _CLASSES[char]
        if char in ("p", "P"):
            raise Unsupported(
                "\\p{...} is not supported in a pattern: the database does not know the properties "
                "of Unicode"
            )
        if char in ("k", *"123456789"):
            raise Unsupported(
                "back references are not supported in a pattern: they may take unbounded time"
            )
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
