"""The table of spellings beyond the ABNF that are read: each has one meaning.

A spelling becomes the one of the ABNF before the grammar sees it, so that both have the same
template, statement and answer. A text in which no token is suspicious is not looked at again (1 us
for 30 tokens). `ODATA_STRICT_URLS` refuses all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from odata_gateway.url.lenient import blanks, dates, words
from odata_gateway.url.lenient.repeats import repeated_properties
from odata_gateway.url.lenient.respelling import Edit, Spelled, Tokens
from odata_gateway.url.lexer import Coded, option_tokens
from odata_gateway.url.search_words import RawToken


class Spelling(NamedTuple):
    """A spelling that is read.

    what      it is, in the words of docs/odata.md
    who       writes it
    examples  pairs of a URL in this spelling and in that of the ABNF
    rule      finds it in a text; None where the module that `what` is about reads it
    """

    what: str
    who: str
    examples: tuple[tuple[str, str], ...]
    rule: Callable[[Tokens], Iterable[Edit]] | None = None


SPELLINGS = (
    Spelling(
        "an option name with invisible characters, or behind `amp;`",
        "links pasted from pages and shells; samples for Power BI that begin with `? $apply=`",
        (
            ("Label?%20$top=1", "Label?$top=1"),
            ("Label?$top=2&%0A$filter=id eq 3", "Label?$top=2&$filter=id eq 3"),
            ("Label?$top=2&amp;$orderby=id desc", "Label?$top=2&$orderby=id desc"),
        ),
    ),
    Spelling(
        "a blank around a path segment that cannot be a key, also before `?`",
        "links broken into lines",
        (("Label%20?$top=1", "Label?$top=1"), ("Label(1)%0A/title", "Label(1)/title")),
    ),
    Spelling(
        "line ends, tabs, no-break spaces and characters without width, as blanks",
        "queries in several lines, text from documents",
        (
            (
                "Message/$count?$filter=status eq 1%0Aand%09private",
                "Message/$count?$filter=status eq 1 and private",
            ),
            ("Label?$filter=id%C2%A0eq%C2%A03", "Label?$filter=id eq 3"),
        ),
        blanks.invisible,
    ),
    Spelling(
        "a blank after the `=` of an option, before `&`, at the end",
        "Microsoft's samples for Power BI, SAP Business One, tutorials",
        (
            ("Label?$filter= id eq 3 &$top= 1 ", "Label?$filter=id eq 3&$top=1"),
            ("Label?$orderby=+id+desc+", "Label?$orderby=id desc"),
        ),
        blanks.at_the_ends,
    ),
    Spelling(
        "a blank before `(`",
        "Microsoft's samples for Power BI: `groupby ((...))`",
        (
            (
                "Message?$apply=groupby ((status), aggregate ($count as n))",
                "Message?$apply=groupby((status),aggregate($count as n))",
            ),
            (
                "Conversation?$filter=messages/any (m:m/private)&$expand=inbox ($select=name)",
                "Conversation?$filter=messages/any(m:m/private)&$expand=inbox($select=name)",
            ),
            ("Label (1)", "Label(1)"),
        ),
        blanks.before_parentheses,
    ),
    Spelling(
        "a blank beside a key in parentheses",
        "by hand",
        (("Label( 1 )", "Label(1)"),),
        blanks.around_keys,
    ),
    Spelling(
        "a blank beside `;`, and around the `=` of an option in parentheses",
        "SAP Business One, by hand",
        (
            (
                "Conversation?$expand=messages($top = 2 ; $select= id)&$top=2",
                "Conversation?$expand=messages($top=2;$select=id)&$top=2",
            ),
        ),
        blanks.between_options,
    ),
    Spelling(
        "`;` before `)`, or twice",
        "programs that end each option with `;`",
        (
            (
                "Conversation?$expand=messages($top=2;;$select=id;)&$top=2",
                "Conversation?$expand=messages($top=2;$select=id)&$top=2",
            ),
        ),
        blanks.idle_semicolons,
    ),
    Spelling(
        "no blank between an operator and a parenthesis or a quote",
        "by hand, as in SQL",
        (
            ("Label?$filter=id in(1,2)", "Label?$filter=id in (1,2)"),
            (
                "Label?$filter=(id eq 1)or(id eq 2)",
                "Label?$filter=(id eq 1) or (id eq 2)",
            ),
            ("User?$filter=name eq'x'", "User?$filter=name eq 'x'"),
        ),
        words.touching_words,
    ),
    Spelling(
        "a blank instead of the `T` of a time",
        "Python's `str()`, SQL",
        (
            (
                "Message/$count?$filter=created_at ge 2021-11-23 00:00:00Z",
                "Message/$count?$filter=created_at ge 2021-11-23T00:00:00Z",
            ),
        ),
        dates.with_a_blank,
    ),
    Spelling(
        "a date with `Z`",
        "Azure DevOps Analytics",
        (
            (
                "Message/$count?$filter=date(created_at) ge 2021-11-23Z",
                "Message/$count?$filter=date(created_at) ge 2021-11-23",
            ),
        ),
        dates.dates_in_utc,
    ),
    Spelling(
        "a time without offset, in UTC as in quotes",
        "Python's `isoformat()`",
        (
            (
                "Message/$count?$filter=created_at ge 2021-11-23T10:30:00",
                "Message/$count?$filter=created_at ge 2021-11-23T10:30:00Z",
            ),
        ),
        dates.without_offset,
    ),
    Spelling(
        "a date where a time stands, for its midnight in UTC: `eq` finds that midnight only",
        "ODK Central, the Dutch parliament, Microsoft Graph, Dataverse, Business Central",
        (
            (
                "Message/$count?$filter=created_at ge 2021-11-23",
                "Message/$count?$filter=created_at ge 2021-11-23T00:00:00Z",
            ),
        ),
    ),
    Spelling(
        "a blank around the `/` between transformations",
        "all samples of Azure DevOps for Power BI",
        (
            (
                "Message?$apply=filter(private) / aggregate($count as n)",
                "Message?$apply=filter(private)/aggregate($count as n)",
            ),
        ),
        blanks.between_transformations,
    ),
    Spelling(
        "the type of `cast` and `isof` in quotes",
        "habits of OData 2 and 3",
        (
            (
                "Message/$count?$filter=cast(content,'Edm.Int32') gt 5",
                "Message/$count?$filter=cast(content,Edm.Int32) gt 5",
            ),
            (
                "Label/$count?$filter=isof('LiveAgent.Label')",
                "Label/$count?$filter=isof(LiveAgent.Label)",
            ),
        ),
        words.quoted_types,
    ),
    Spelling(
        "a navigation property twice in `$expand`: what its items ask for together, if they are"
        " about the same rows and all or none have `$select`",
        "Simple.OData.Client, Microsoft.OData.Client",
        (
            ("Message?$expand=inbox,inbox&$top=2", "Message?$expand=inbox&$top=2"),
            (
                "Message?$expand=inbox($select=id),inbox($select=name)&$top=2",
                "Message?$expand=inbox($select=id,name)&$top=2",
            ),
        ),
        repeated_properties,
    ),
    Spelling(
        "a path of `$select` into a navigation property that `$expand` has without `$select`",
        "SharePoint, Simple.OData.Client",
        (
            (
                "Message?$select=id,inbox/name&$expand=inbox&$top=2",
                "Message?$select=id,inbox&$expand=inbox($select=name)&$top=2",
            ),
        ),
    ),
)


_SUSPICIOUS = frozenset({"SPACE", "BAD", "BADNUMBER", "LEVELS", "CALL", "DATETIME"})
_IDLE_SEMICOLON = re.compile(r";[ \t]*[;)]")
_MOST_ROUNDS = 12
"""Each round mends one level of nesting at least."""


def lenient_tokens(name: str, text: str, coded: Coded | None = None) -> list[RawToken]:
    """The tokens of an option or path segment as the ABNF spells it, with the offsets that they
    have in `text`.

    coded  as of `option_tokens`
    """
    tokens = option_tokens(name, text, coded)
    for token in tokens:
        if token[0] in _SUSPICIOUS and _is_suspicious(token):
            break
    else:
        if not _may_differ(name, text):
            return tokens
    spelled = sent = Spelled.of(text)
    for _ in range(_MOST_ROUNDS):
        changed, tokens = _round(name, spelled, tokens, coded)
        if changed is spelled:
            break
        spelled = changed
    if spelled is sent:
        return tokens
    origins = spelled.origins
    return [(kind, piece, origins[at]) for kind, piece, at in tokens]


def _is_suspicious(token: RawToken) -> bool:
    """Whether a token of certain types may be part of a spelling beyond the ABNF."""
    kind, text, _ = token
    if kind == "CALL":
        return text.rstrip(" \t(").lower() in words.SUSPICIOUS_CALLS
    return kind != "DATETIME" or text[-1] not in "Zz"


def _may_differ(name: str, text: str) -> bool:
    """Whether a text without suspicious tokens may have a blank beside a key, expand a property
    twice, or have a `;` too many."""
    if name == "path":
        return " " in text or "\t" in text
    if name == "$expand" and "," in text:
        return True
    return ";" in text and _IDLE_SEMICOLON.search(text) is not None


def _round(
    name: str, spelled: Spelled, tokens: list[RawToken], coded: Coded | None
) -> tuple[Spelled, list[RawToken]]:
    """The text after each rule of the table, and its tokens; the same objects where no rule finds
    anything."""
    for spelling in SPELLINGS:
        if spelling.rule is None:
            continue
        edits = list(spelling.rule(Tokens(name, spelled.text, tokens)))
        if edits:
            spelled = spelled.edited(edits)
            tokens = spelled.tokens(name, coded)
    return spelled, tokens
