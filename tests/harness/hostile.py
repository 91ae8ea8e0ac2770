"""Requests nobody should send: mutations of requests that work, and shapes that blow up. A `Hostile` is seeded, so a request is known by its number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from urllib.parse import quote

from tests.harness import cases

_ROOT = Path(__file__).parents[2]
_PIECE = re.compile(r"'(?:[^']|'')*'|\$?\w+|\s+|.", re.DOTALL)
_SETS = ("Message", "Conversation", "Inbox", "Label", "User")
_WORDS = (
    "id", "content", "created_at", "status", "private", "conversation", "messages", "labels", "inbox", "assignee", "members", "account_id", "uuid",
    "additional_attributes", "encrypted_password", "tokens", "eq", "ne", "lt", "in", "has", "and", "or", "not", "add", "sub", "mul", "div", "divby",
    "mod", "any", "all", "$it", "$this", "$root", "$count", "$ref", "$value", "$filter", "$expand", "$select", "$orderby", "$compute", "$top", "$skip",
    "$skiptoken", "$format", "$levels", "$search", "$apply", "$id", "$index", "$crossjoin(User,Inbox)", "$all", "$crossjoin", "contains", "substring", "indexof", "length", "concat", "cast", "isof",
    "case", "now()", "year", "date", "time", "totalseconds", "round", "maxdatetime()", "null", "true", "false", "INF", "NaN", "-INF", "@a", "@p", "desc",
    "hassubset", "hassubsequence", "[1,2]", "[id]", "Edm.Int32", "Edm.String", "Edm.DateTimeOffset", "Edm.Decimal", "Edm.Guid", "LiveAgent.User", "duration'PT1H'", "binary'AAEC'", "max",
    "groupby((status),top(1))", "rollup(id,status)", "concat(identity,top(1))", "topsum(1,id)", "toppercent(1,id)", "aggregate(id with sum from status with max as x)", "from",
)  # fmt: skip
_NUMBERS = (
    "0", "-0", "-1", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e308",
    "1e309", "-1e400", "1e-400", "0.1", "1" + "0" * 40, "9" * 320, "0x10", "1_000", "00012", "+5", ".5", "5.", "1e", "INF", "-INF", "NaN",
    "0001-01-01", "9999-12-31", "-0001-01-01", "10000-01-01", "-4713-11-24", "99999-12-31", "2021-02-30", "2021-00-10", "24:00", "23:59:60", "25:00",
    "2021-11-23T24:00:00Z", "2021-11-23T00:00:00+99:99", "294276-12-31T23:59:59.999999Z", "999999-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999999Z", "duration'P99999999999D'", "duration'-P1D'", "duration'PT9999999999999999S'", "duration'P'", "binary''",
    "89f20666-e17d-427c-9283-268ba7870283", "89f20666-e17d-427c-9283-268ba787028", "'x'", "''", "null", "true",
)  # fmt: skip
_BYTES = (
    "%00", "%", "%zz", "%2", "%u0041", "%C0%AF", "%FF", "%FE%FF", "%ED%A0%80", "%ED%BF%BF", "%F4%90%80%80", "%E2%82", "%27", "%2527", "%252527", "%26",
    "%3D", "%23", "%2F", "%5C", "%0D%0A", "%0A", "%09", "%20", "%7F", "%C2%80", "%EF%BB%BF", "%EF%BF%BF", "%E2%80%A8", "%F0%9F%91%8B", "\0", "\ud800",
    "\udfff", "\u2028", "\ufeff", "é", "İ", "ß", "\U0001f44b", "\x7f", "\x01", "'", "''", '"', "\\", "#", "?", "&", "&&", "=", ";", "//", "..", "/../",
    "+", "<", ">", "`", "{", "}", "|", "^", "*", "~", "(", ")", "[", "]", ",", ":", "@", "$", "!", "-", "--", "/*", "*/", ";--", "$1", "::int", "\t",
)  # fmt: skip
HEADERS = (
    {}, {}, {}, {}, {},
    {"Accept": "application/json;odata.metadata=full"}, {"Accept": "application/json;odata.metadata=none;IEEE754Compatible=true"},
    {"Accept": "text/html"}, {"Accept": "*/*;q=0"}, {"Accept": "application/json;odata.metadata=" + "x" * 2000}, {"Accept": ";;;,,,"},
    {"OData-MaxVersion": "4.01"}, {"OData-MaxVersion": "3.0"}, {"OData-Version": "x"}, {"Prefer": "odata.maxpagesize=1"},
    {"Prefer": "odata.maxpagesize=99999999999999999999"}, {"Prefer": "maxpagesize=-1"}, {"Prefer": 'odata.include-annotations="*",,;='},
    {"Prefer": "respond-async, odata.track-changes, return=minimal"}, {"OData-Isolation": "snapshot"}, {"If-None-Match": "*"}, {"If-Match": '"x"'},
    {"Accept-Charset": "utf-16"}, {"Content-Type": "text/plain"},
)  # fmt: skip
"""What else comes with a request; most requests come with nothing."""


@cache
def seeds() -> tuple[str, ...]:
    """Requests that work, or nearly: golden cases, the examples of docs/odata.md, and OASIS's grammar cases."""
    golden = [cases.read(path).request for path in sorted(cases.FOLDER.glob("*.case"))]
    page = (_ROOT / "docs" / "odata.md").read_text(encoding="utf-8")
    tables = page.partition("<!-- supported -->")[2].partition("\n## Paging")[0]
    examples = [example for line in tables.splitlines() for example in re.findall(r"`([^`]+)`", line.rpartition(" | ")[2])]
    return tuple(dict.fromkeys([*golden, *examples, *_grammar_cases()]))


def _grammar_cases() -> list[str]:
    """OASIS's cases of whole URLs, options and expressions, as requests for data."""
    document = json.loads((_ROOT / "tests" / "data" / "abnf_public.json").read_text(encoding="utf-8"))
    found = []
    for case in document:
        text, rule = case["input"], case["rule"].lower()
        if rule in ("odatarelativeuri", "resourcepath", "odatauri"):
            found.append(text.partition("/service/")[2] or text)
        elif text.startswith("$"):
            found.append(f"Message?{text}")
        elif "expr" in rule:
            found.append(f"Message?$filter={text}")
        else:
            found.append(f"Conversation?$filter=id eq {text}")
    return found


_CROSSED = re.compile(r"crossjoin\([^)]*")


def _small(found: re.Match[str]) -> str:
    """A cross join without the largest set but one: a product of both takes as long as statements may, and T22 has that."""
    return found[0].replace("Conversation", "Label") if "Message" in found[0] or found[0].count(",") > 1 else found[0]


class Hostile:
    """Makes requests from one seed."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        self._ways: tuple[tuple[int, Callable[[], str]], ...] = (
            (8, self.pieces), (4, self.spliced), (4, self.bytes), (3, self.encoded), (3, self.overflowing), (1, self.nested), (1, self.list),
            (1, self.bomb), (2, self.pile), (1, self.forged), (1, self.repeated), (1, self.noise),
        )  # fmt: skip

    def request(self) -> tuple[str, dict[str, str]]:
        """A target below the service root, and headers."""
        weights, ways = zip(*self._ways, strict=True)
        text = _CROSSED.sub(_small, self.random.choices(ways, weights)[0]())
        return text[:20_000], self.random.choice(HEADERS)

    def seed(self) -> str:
        return self.random.choice(seeds())

    # --- mutations --------------------------------------------------------------------------------------------------------------

    def pieces(self) -> str:
        """Tokens left out, doubled, exchanged, or replaced by other tokens."""
        found = _PIECE.findall(self.seed())
        for _ in range(self.random.choice((1, 1, 2, 3, 6))):
            at = self.random.randrange(len(found) + 1)
            match self.random.randrange(6):
                case 0:
                    del found[at : at + 1]
                case 1:
                    found[at:at] = found[at : at + self.random.randrange(1, 9)]
                case 2 if found:
                    other = self.random.randrange(len(found))
                    at = min(at, len(found) - 1)
                    found[at], found[other] = found[other], found[at]
                case 3:
                    found[at : at + 1] = [self.random.choice(_NUMBERS)]
                case 4:
                    found[at:at] = _PIECE.findall(self.seed())[-self.random.randrange(1, 9) :]
                case _:
                    found[at : at + 1] = [self.random.choice(_WORDS)]
        return "".join(found)

    def spliced(self) -> str:
        """The path of one request, the options of others."""
        path = self.seed().partition("?")[0]
        options = [o for _ in range(self.random.randrange(1, 4)) for o in self.seed().partition("?")[2].split("&")]
        return f"{path}?{'&'.join(self.random.sample(options, min(len(options), 4)))}"

    def bytes(self) -> str:
        text = self.seed() if self.random.random() < 0.7 else self.pieces()
        for _ in range(self.random.choice((1, 1, 2, 5, 20))):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(_BYTES) + text[at + self.random.randrange(3) :]
        return text

    def encoded(self) -> str:
        """Percent-encoded once, twice, in part, or all of it."""
        text = self.pieces()
        for _ in range(self.random.choice((1, 1, 2))):
            safe = self.random.choice(("/?&=$", "/?&=$'(),:@", "", "/"))
            text = quote(text, safe=safe, errors="replace") if self.random.random() < 0.7 else text.replace("%20", "+").replace(" ", "+")
        return text

    def overflowing(self) -> str:
        """Numbers and times beyond what types hold."""
        number = self.random.choice(_NUMBERS)
        return self.random.choice((
            "Message?$filter=id eq {}", "Message?$filter=created_at lt {}", "Message?$filter=id add {} gt 1", "Message?$filter=id mul {} mul {} eq 1",
            "Message({})", "Message/{}", "Conversation(1)/messages({})", "Message?$top={}", "Message?$skip={}&$top=1", "Message?$filter=id in ({},1)",
            "Message?$filter=content eq {}", "Message?$filter=substring(content,{}) eq 'a'", "Message?$filter=substring(content,{},{}) eq 'a'",
            "Message?$filter=cast({},Edm.Int32) eq 1", "Message?$filter=created_at add {} gt now()", "Message?$filter=id div {} eq 1",
            "Message?$filter=id mod {} eq 1", "Message?$filter=date(created_at) eq {}", "Message?$filter=time(created_at) gt {}",
            "Message?$compute=id mul {} as x&$top=3", "Message?$orderby=id divby {}&$top=3", "Conversation?$filter=uuid eq {}",
            "Message?$filter=round({}) eq 1", "Message?$filter=year({}) eq 1", "Message?$expand=conversation($expand=messages($top={};$skip={}))&$top=2",
            "Message?$filter=@p eq id&@p={}", "Message?$filter=id has {}", "Message?$filter=cast(content,Edm.Int32) eq {}", "Message?$filter=-{} eq id",
            "Message?$filter=totalseconds({}) gt 1", "Message?$skiptoken={}", "Message?$format={}", "Message?$filter=length(content) sub {} eq {}",
            "Message?$filter=created_at sub {} gt duration'PT1H'", "Message?$filter=cast({},Edm.DateTimeOffset) gt created_at", "User?$filter=id eq {}",
        )).replace("{}", number)  # fmt: skip

    # --- shapes -------------------------------------------------------------------------------------------------------------------

    def depth(self) -> int:
        return self.random.choice((3, 20, 49, 99, 101, 150, 400, 2000))

    def nested(self) -> str:
        opening, inner, closing = self.random.choice((
            ("(", "private", ")"), ("not ", "private", ""), ("not(", "private", ")"), ("-", "id", ""), ("concat(", "content", ",'a') ne ''"),
            ("tolower(", "content", ") eq 'a'"), ("case(private:", "true", ",true:false)"), ("messages/any(m:m/", "private", ")"), ("[", "1", "]"),
            ("conversation/messages/any(m:m/", "private", ")"), ("cast(", "id", ",Edm.Int64) eq 1"), ("$it/", "id", ""), ("conversation/", "id", ""),
            ("id add (", "1", ")"), ("private and (", "true", ")"), ("id in (", "1", ")"), ('{"a":', "1", "}"), ("(private eq ", "true", ")"),
        ))  # fmt: skip
        depth = max(7, self.depth()) if "any(" in opening else self.depth()  # few levels are legal, and multiply rows as asked
        text = opening * depth + inner + closing * (depth - (self.random.random() < 0.1))
        expand = "conversation($expand=messages($top=1;$expand="
        return self.random.choice((
            f"Message?$filter={text}&$top=2", f"Message?$filter={text}&$top=2", f"Message?$orderby={text}&$top=2", f"Message?$compute={text} as x&$top=2",
            f"Message?$filter=@a&@a={text}&$top=2", f"Message?$top=1&$expand={expand * (depth % 7)}inbox{'))' * (depth % 7)}",
            f"Message(1)/{'conversation/inbox/' * depth}name", f"Message?$apply={text}", f"Message?$search={text}",
        ))  # fmt: skip

    def list(self) -> str:
        """Lists of up to thousands of items, of one kind or several."""
        size = self.random.choice((0, 1, 10, 500, 1500, 3000))
        item = self.random.choice(
            (lambda n: str(n), lambda n: f"'{n}'", lambda n: self.random.choice(_NUMBERS) if n < 40 else "1", lambda n: "null")
        )
        items = [item(n) for n in range(size)]
        if self.random.random() < 0.3:
            items.append(self.random.choice(("null", "true", "'x'", "id", "1.5")))
        left = self.random.choice(("id", "content", "uuid", "created_at", "not id", "conversation/id", "length(content)"))
        text = ",".join(items)
        return self.random.choice((f"Message?$filter={left} in ({text})&$top=2", f"Message?$filter={left} in @l&@l=[{text}]&$top=2",
                                   f"Message?$select={','.join(['id'] * size)}&$top=1", f"Message?$orderby={','.join(['id', 'content'] * (size // 2))}&$top=1"))  # fmt: skip

    def bomb(self) -> str:
        """Aliases and computed names that double, and aliases that name themselves."""
        size = self.random.choice((1, 3, 8, 14, 60))
        left = self.random.choice(("concat(@a{n},@a{n})", "@a{n} add @a{n}", "(@a{n} eq @a{n})", "@a{n}", "case(true:@a{n},true:@a{n})"))
        first = self.random.choice(("1", "'x'", "id", "content", f"@a{size}", "null", "messages/$count"))
        aliases = "&".join(f"@a{n + 1}=" + left.replace("{n}", str(n)) for n in range(size))
        names = ",".join(f"x{n} add x{n} as x{n + 1}" for n in range(size))
        return self.random.choice((
            f"Message?$filter=@a{size} eq @a{size}&@a0={first}&{aliases}&$top=2", f"Message?$orderby=@a{size}&@a0={first}&{aliases}&$top=2",
            f"Message?$compute=id as x0,{names}&$top=2", f"Message?$compute=id as x0,{names}&$filter=x{size} gt 1&$orderby=x{size}&$top=2",
            f"Conversation?$expand=*,{','.join(['messages($expand=*)'] * size)}&$top=1", "Message?$filter=@p&@p=@p",
        ))  # fmt: skip

    def pile(self) -> str:
        """A pile of tokens as an option's value."""
        text = "".join(
            self.random.choice(self.random.choice((_WORDS, _WORDS, _NUMBERS, _BYTES, (" ", " ", ",", "(", ")"))))
            for _ in range(self.random.randrange(1, 40))
        )
        option = self.random.choice(
            ("$filter", "$orderby", "$select", "$expand", "$compute", "@a", "$apply", "$search", "$format", "$skiptoken", "$id")
        )
        return f"{self.random.choice(_SETS)}?{option}={text}"

    def forged(self) -> str:
        """Tokens of next links, made up."""
        text = "".join(self.random.choice("WzAsMSxbIjEiXV0.abcdef0123456789-_=%") for _ in range(self.random.randrange(60)))
        return f"{self.random.choice(_SETS)}?$skiptoken={text}"

    def repeated(self) -> str:
        """One option, or one segment, many times."""
        seed = self.seed()
        path, _, options = seed.partition("?")
        times = self.random.choice((2, 50, 700))
        return self.random.choice(
            (f"{path}?{'&'.join([options] * times)}", f"{'/'.join([path] * times)}?{options}", f"{path}?{options}" + "&a=b" * times)
        )

    def noise(self) -> str:
        """Bytes of no kind."""
        text = "".join(
            chr(self.random.choice((self.random.randrange(33, 127), self.random.randrange(256)))) for _ in range(self.random.randrange(80))
        )
        return self.random.choice(("", "Message?", "Message?$filter=", "Message(", "/", "$entity?$id=")) + text
