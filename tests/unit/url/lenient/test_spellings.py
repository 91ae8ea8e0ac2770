"""Spellings beyond the ABNF: each means what the spelling of the ABNF means, errors point into the text that was sent, and what could be read in two
ways is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import quote, unquote

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.url.lenient.spellings import SPELLINGS
from odata_gateway.url.lexer import option_tokens
from odata_gateway.url.options import STARTS, canonical
from odata_gateway.url.search_words import RawToken
from odata_gateway.url.split import split
from odata_gateway.url.transformations import is_transformation
from tests.harness import cases

STRICT = Compiler(cases.MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1, strict=True)
LENIENT = Compiler(cases.MODEL, limits=Limits(), max_url_bytes=16_384, cache_entries=1)

# By kind of fault: pairs that the table of spellings does not have.
OTHERS = {
    "option names": """
Label?$top%0A=1 | Label?$top=1
Label?%EF%BB%BF$filter=id eq 3 | Label?$filter=id eq 3
Label?%C2%A0$filter=id eq 3 | Label?$filter=id eq 3
Label?$fil%E2%80%8Bter=id eq 3 | Label?$filter=id eq 3
Label?+top=1 | Label?$top=1
Label?%09FILTER%20=id eq 3 | Label?$filter=id eq 3
Label?$top=2&amp;amp;$filter=id eq 3 | Label?$top=2&$filter=id eq 3
Label?$top=2&AMP;filter=id eq 3 | Label?$top=2&$filter=id eq 3
Label?$filter=id eq @p&%20@p=3 | Label?$filter=id eq @p&@p=3
Label?%E2%80%AE$select=id | Label?$select=id
Label?$top=1&&$select=id& | Label?$top=1&$select=id
""",
    "path segments": """
%0ALabel?$top=1 | Label?$top=1
Label%C2%A0(1) | Label(1)
Label(1)%20?$select=id | Label(1)?$select=id
Message(1)/conversation%20/inbox | Message(1)/conversation/inbox
Label/$count%20?$filter=id gt 1 | Label/$count?$filter=id gt 1
Label(id = 1 ) | Label(id=1)
Label(%091%09) | Label(1)
Label/$filter (id gt 1)/$count | Label/$filter(id gt 1)/$count
Label/$filter( id gt 1 )%20/$count | Label/$filter(id gt 1)/$count
""",
    "blanks at the ends": """
Label?$top=%0A5%0A | Label?$top=5
Label?$count=%20true%20&$skip=%201 | Label?$count=true&$skip=1
Label?$select=%E2%80%8Bid,title%20 | Label?$select=id,title
Label?$expand=%20%0A* | Label?$expand=*
Label?$filter=id eq @p&@p=%203%20 | Label?$filter=id eq @p&@p=3
Label?$orderby= title desc%0D%0A&$search= vip | Label?$orderby=title desc&$search=vip
Message?$apply= aggregate($count as n)%20 | Message?$apply=aggregate($count as n)
Label?$compute= length(title) as n%20&$format=%20json | Label?$compute=length(title) as n&$format=json
""",
    "blanks within": """
Message?$filter=status%0Aeq%0D%0A1 | Message?$filter=status eq 1
Message?$filter=status%E2%80%83eq%E2%81%A01 | Message?$filter=status eq 1
Message?$filter=contains (content,'a') | Message?$filter=contains(content,'a')
Message?$filter=not%0Acontains%09(%0Acontent%0A,%0A'a\tb'%0A) | Message?$filter=not contains(content,'a\tb')
Conversation?$filter=messages/all (m : m/private) | Conversation?$filter=messages/all(m:m/private)
Conversation?$filter=messages/$count ($filter= private ) gt 1 | Conversation?$filter=messages/$count($filter=private) gt 1
Message?$filter=cast (content, Edm.Int32) gt 1 | Message?$filter=cast(content,Edm.Int32) gt 1
Message?$orderby=length (content) desc | Message?$orderby=length(content) desc
Conversation?$expand=* ($levels = 1 ) | Conversation?$expand=*($levels=1)
Conversation?$expand=messages/$ref ($top= 1) | Conversation?$expand=messages/$ref($top=1)
Conversation?$expand=messages($filter=id eq @p ; @p = 3) | Conversation?$expand=messages($filter=id eq @p;@p=3)
Conversation?$expand=messages($levels= 1 ;$top=1) | Conversation?$expand=messages($levels=1;$top=1)
Conversation?$expand=messages(%0A  $select=id;%0A  $orderby=id desc;%0A) | Conversation?$expand=messages($select=id;$orderby=id desc)
Conversation?$expand=messages(top = 1; $search = a AND b ;) | Conversation?$expand=messages($top=1;$search=a AND b)
Message?$apply=filter(private)%0A/%0Agroupby%20(%20(status)%20,%20aggregate($count as n)%20) | Message?$apply=filter(private)/groupby((status),aggregate($count as n))
Message?$apply=identity / top (1) | Message?$apply=identity/top(1)
Message?$apply=concat (identity , filter (private) / aggregate ($count as n)) | Message?$apply=concat(identity,filter(private)/aggregate($count as n))
Message?$apply=search (hello) /aggregate($count as n) | Message?$apply=search(hello)/aggregate($count as n)
Conversation?$expand=messages($apply=filter(private) / aggregate($count as n)) | Conversation?$expand=messages($apply=filter(private)/aggregate($count as n))
""",
    "words that touch": """
Message?$filter=(status eq 1)and(private)or(id eq 3) | Message?$filter=(status eq 1) and (private) or (id eq 3)
Message?$filter=(status eq 1)and private | Message?$filter=(status eq 1) and private
Message?$filter=(status eq 1)and not(private) | Message?$filter=(status eq 1) and not(private)
Message?$filter=content eq'a'and private | Message?$filter=content eq 'a' and private
Message?$filter='a'eq content | Message?$filter='a' eq content
Message?$filter=status in(0,1)and id gt 3 | Message?$filter=status in (0,1) and id gt 3
Message?$filter=id add(1) eq 3 | Message?$filter=id add (1) eq 3
Message?$filter=(id)add(1)eq 3 | Message?$filter=(id) add (1) eq 3
Message?$filter=length(content)gt(3) | Message?$filter=length(content) gt (3)
Message?$filter=id in@p&@p=[1] | Message?$filter=id in @p&@p=[1]
Conversation?$filter=messages/any(m:(m/private)or(m/id eq 3)) | Conversation?$filter=messages/any(m:(m/private) or (m/id eq 3))
""",
    "types in quotes": """
Message?$filter=cast(content,%20'Edm.Int64'%20) gt 5 | Message?$filter=cast(content,Edm.Int64) gt 5
Message?$filter=isof(content,'Edm.String') | Message?$filter=isof(content,Edm.String)
Message?$compute=cast('5','Edm.Int32') as n | Message?$compute=cast('5',Edm.Int32) as n
Message?$filter=CAST(cast(content,'Edm.Int32'),'Edm.String') eq '1' | Message?$filter=cast(cast(content,Edm.Int32),Edm.String) eq '1'
Message?$filter=isof(sender,'LiveAgent.User') | Message?$filter=isof(sender,LiveAgent.User)
""",
    "dates and times": """
Message?$filter=created_at eq 2021-11-23 | Message?$filter=created_at eq 2021-11-23T00:00:00Z
Message?$filter=2021-11-23 lt created_at | Message?$filter=2021-11-23T00:00:00Z lt created_at
Message?$filter=created_at lt 2021-11-23Z | Message?$filter=created_at lt 2021-11-23T00:00:00Z
Message?$filter=created_at ge @d&@d=2021-11-23 | Message?$filter=created_at ge @d&@d=2021-11-23T00:00:00Z
Message?$filter=created_at in (2021-11-23,2021-11-24) | Message?$filter=created_at in (2021-11-23T00:00:00Z,2021-11-24T00:00:00Z)
Message?$filter=created_at sub 2021-11-23 gt duration'PT1H' | Message?$filter=created_at sub 2021-11-23T00:00:00Z gt duration'PT1H'
Message?$filter=created_at gt 2021-11-23t10:20:30.123456 | Message?$filter=created_at gt 2021-11-23T10:20:30.123456Z
Message?$filter=date(created_at) eq 2021-11-23Z | Message?$filter=date(created_at) eq 2021-11-23
Message?$filter=created_at ge 2021-11-23%2010:00%2B02:00 | Message?$filter=created_at ge 2021-11-23T10:00:00%2B02:00
Message?$filter=year(2021-11-23T00:00:00) eq 2021 | Message?$filter=year(2021-11-23T00:00:00Z) eq 2021
Conversation?$expand=messages($filter=created_at ge 2021-11-23) | Conversation?$expand=messages($filter=created_at ge 2021-11-23T00:00:00Z)
""",
    "twice in $expand": """
Message?$expand=inbox,conversation,inbox | Message?$expand=inbox,conversation
Message?$expand=*,* | Message?$expand=*
Message?$expand=inbox/$ref,inbox/$ref | Message?$expand=inbox/$ref
Message?$expand=inbox,inbox($expand=members) | Message?$expand=inbox($expand=members)
Message?$expand=inbox($expand=members),inbox($expand=conversations) | Message?$expand=inbox($expand=members,conversations)
Message?$expand=inbox($select=id;$expand=members($select=id)),inbox($select=name;$expand=members($select=name)) | Message?$expand=inbox($select=id,name;$expand=members($select=id,name))
Conversation?$expand=messages($top=1),messages($top=1) | Conversation?$expand=messages($top=1)
Conversation?$expand=messages($filter=id gt 5;$select=id),messages($select=status;filter=id gt 5) | Conversation?$expand=messages($filter=id gt 5;$select=id,status)
Conversation?$expand=inbox($expand=members,members),messages | Conversation?$expand=inbox($expand=members),messages
Conversation?$expand=inbox($select=id),inbox($select=name),inbox($select=id) | Conversation?$expand=inbox($select=id,name)
""",
    "paths of $select": """
Message?$select=inbox/name&$expand=inbox | Message?$select=inbox&$expand=inbox($select=name)
Message?$select=id,inbox/name,inbox/id&$expand=inbox,sender | Message?$select=id,inbox&$expand=inbox($select=name,id),sender
Message?$select=id,conversation/inbox/name&$expand=conversation($expand=inbox) | Message?$select=id,conversation&$expand=conversation($select=inbox;$expand=inbox($select=name))
Conversation?$select=messages/content&$expand=messages($top=1) | Conversation?$select=messages&$expand=messages($top=1;$select=content)
Conversation?$expand=messages($select=sender/name;$expand=sender) | Conversation?$expand=messages($select=sender;$expand=sender($select=name))
""",
}  # fmt: skip

PAIRS = [pair for spelling in SPELLINGS for pair in spelling.examples]
PAIRS += [tuple(line.split(" | ")) for lines in OTHERS.values() for line in lines.strip("\n").split("\n")]


def meaning(url: str) -> object:
    """The statements of a URL and their arguments, without the text of next links, which repeats literals as they were written."""
    statements = cases.compiled(url, (1,))
    return {kind: (text, [a for a in arguments if not _of_link(a)]) for kind, (text, arguments) in statements.items()}


def _of_link(argument: object) -> bool:
    return isinstance(argument, str) and (argument.startswith("?$") or re.fullmatch("[0-9a-f]{64}", argument) is not None)


def refusal(url: str, compiler: Compiler = LENIENT) -> ODataError:
    with pytest.raises(ODataError) as caught:
        compiler.compile(url)
    return caught.value


@pytest.mark.parametrize(("lenient", "strict"), PAIRS)
def test_a_spelling_means_what_the_abnfs_spelling_means(lenient, strict):
    assert meaning(lenient) == meaning(strict)
    STRICT.compile(strict)


@pytest.mark.parametrize("lenient", [lenient for lenient, _ in PAIRS if "&&" not in lenient])
def test_strict_urls_refuse_each_spelling(lenient):
    assert refusal(lenient, STRICT).status in (400, 404)


# Where two meanings are possible, or where the text may have lost something.
AMBIGUOUS = {
    "Message?$filter=conversation / inbox/name eq 'x'": "a path or a division",
    "Message?$compute=id / inbox_id as n": "a path or a division",
    "Message?$filter=content eq \u2018x\u2019": "typographic quotes",
    "Message?$filter=content eq \u201cx\u201d": "typographic quotes",
    "Message?$select=id,": "an item may be missing",
    "Message?$filter=status in (1,2,)": "an item may be missing",
    "Message?$orderby=,id": "an item may be missing",
    "Message?$filter=": "no condition, or one that was lost",
    "Message?$filter=%20": "no condition, or one that was lost",
    "Message?$filter=status eq 1;": "the end, or an option that was lost",
    "Conversation?$expand=messages($top=1),messages($top=2)": "different rows",
    "Conversation?$expand=messages,messages($top=1)": "different rows",
    "Conversation?$expand=messages($filter=private),messages($filter=not private)": "different rows",
    "Conversation?$expand=messages,messages($orderby=id desc)": "different order",
    "Conversation?$expand=messages($count=true),messages": "with and without count",
    "Message?$expand=inbox,inbox($select=name)": "all or some properties",
    "Message?$expand=inbox,inbox/$ref": "entities or references",
    "Message?$select=inbox/name&$expand=inbox($select=id)": "two selections",
    "Message?$select=inbox/name": "not expanded",
    "Message?$filter=created_at ge 2021-11-23%2B02:00": "a date has no offset",
    "Message?$filter=created_at ge 2021-11": "a month",
    "Message?$filter=created_at ge 2021-11-23T10": "an hour",
    "Message?$filter=created_at ge date(updated_at)": "a date that is computed",
    "Message?$filter=sta\u200btus eq 1": "a name with an invisible character",
    "Message?$filter=status eq1": "a name",
    "Message?$filter=status eq 1and private": "no number",
    "Message?$filter=contains(content,'a') and": "an operand is missing",
    "Message?$top=1 2": "two numbers",
    "Message?$count=1": "no Boolean",
    "Message?@a b=1": "no alias",
    "Message?%20$top=1&$top=1": "twice",
    "Message?%20$top=1&%0A$top=2": "twice",
    "Message??$top=1": "a custom option would be ignored",
    "Message?%2524top=1": "a custom option would be ignored",
    "Message?&%26$filter=id eq 3": "a custom option would be ignored",
    "Message?\uff04filter=id eq 3": "a custom option would be ignored",
    "Message?'$top'=1": "a custom option would be ignored",
    "Message?%20$nope=1": "not an option",
}  # fmt: skip


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused(url):
    assert refusal(url).status == 400


@pytest.mark.parametrize(
    "url", ["Label?colour=red", "Label?x-top=1", "Label?top10=1", "Label?_=1700000000", "Label?apikey=x", "Label?utm_source=a"]
)
def test_custom_options_are_still_none_of_ours(url):
    assert meaning(url) == meaning("Label")


@pytest.mark.parametrize("compiler", [LENIENT, STRICT])
@pytest.mark.parametrize("key", ["vip%20", "%20vip", "vip%C2%A0"])
def test_blanks_of_a_key_that_is_a_segment_are_part_of_the_key(key, compiler):
    """The key of a label is a number, and no blank is part of one."""
    query = compiler.compile(f"Label/{key}")
    assert [value.value for value in query.url.values] == [unquote(key)]


# The text around the wrong piece is in a spelling beyond the ABNF; the piece stands between braces.
WRONG = [
    "Message?$filter= {nope} eq 1 ",
    "Message?$filter=%0A%0Astatus eq {'x'}",
    "Message?$filter=(status eq 1)and({nope} eq 1)",
    "Message?$filter=status in(0,1)and {nope} eq 1",
    "Message?$filter=contains (content, 'a') and {nope} eq 1",
    "Message?$filter=cast(content,'Edm.Int32') gt 5 and {nope} eq 1",
    "Message?$filter=cast(content, 'Edm.Int32') gt {'x'}",
    "Message?$filter=isof(content,'{Edm.Nope}')",
    "Message?$filter=created_at ge 2021-11-23T00:00:00 and {nope} eq 1",
    "Message?$filter=created_at ge 2021-11-23 10:00:00 and {nope} eq 1",
    "Message?$filter=date(created_at) ge 2021-11-23Z and {nope} eq 1",
    "Message?$filter=created_at ge {2021-13-23T00:00:00}",
    "Message?$orderby= id desc , {nope} ",
    "Message?$select=%E2%80%8Bid, {nope}",
    "Message?$apply= filter(private) / groupby (({nope}))",
    "Message?$apply= filter (private) / aggregate({nope} with sum as s)",
    "Conversation?$expand= messages ($top= 1 ; $filter= {nope} eq 1 ;)",
    "Conversation?$expand=messages($top=1;;$orderby={nope};)",
    "Message?$expand=inbox,inbox($expand={nope})",
    "Message?$expand=inbox($select=id),inbox($select=name,{nope})",
    "Message?$expand=inbox($select=id),conversation,inbox($select=name),{nope}",
    "Message?$select=id,{inbox/nope}&$expand=inbox",
    "Message?$top= {x}",
    "Message?$skip=%0A%0A{-1}",
    "Message?%20$filter= {nope} eq 1",
]


@pytest.mark.parametrize("marked", WRONG)
def test_an_error_points_into_the_text_that_was_sent(marked):
    name = split(marked.replace("{", "").replace("}", "")).options[0].name
    text = unquote(marked.partition("?")[2].partition("=")[2].partition("&")[0])
    error = refusal(marked.replace("{", "").replace("}", ""))
    assert (error.target, error.at) == (name, text.index("{"))


# --- the law: golden requests, spelled differently, become the same statements --------------------

Speller = Callable[[list[RawToken], int, Random], str]
_BLANK = ["\n", "\r\n", "\u00a0", "\ufeff", " \u200b"]
_CALLS = frozenset({"CALL", "TYPE_CALL", "LAMBDA", "COUNT_OPEN", "REF_OPEN", "FILTER_OPEN"})


def _token(tokens: list[RawToken], index: int, random: Random) -> str:
    """The text of a token, in a spelling beyond the ABNF if there is one."""
    kind, text, _ = tokens[index]
    before, after = (tokens[i][0] if 0 <= i < len(tokens) else "" for i in (index - 1, index + 1))
    following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
    if random.random() < 0.3:
        return text
    if kind == "OPERATOR":
        word = text.strip()
        if after in ("OPEN", "STRING") and random.random() < 0.5:
            return word if before in ("CLOSE", "STRING") else f" {word}"
        return f"{random.choice(_BLANK)}{word}{random.choice(_BLANK)}"
    if kind in _CALLS and text.count("(") == 1:
        return text.replace("(", random.choice([" (", "\n(", "\t("]))
    if kind == "SEMI":
        return random.choice([" ; ", ";\n", ";;"])
    if kind == "OPTION" and after not in ("", "BAD"):
        return text.replace("=", random.choice([" =", "= ", "=\n"]))
    if kind == "DATETIME" and text[-1] in "Zz" and before != "MEMBER":
        return text[:-1]
    if kind == "SLASH" and before == "CLOSE" and is_transformation(following):
        return random.choice([" /", "/ ", "\n/\n"])
    if kind == "NAME" and text.startswith("Edm.") and after == "CLOSE" and any(t[0] == "TYPE_CALL" for t in tokens):
        return f"'{text}'"
    return text


def respelled(request: str, random: Random) -> str:
    """The request in spellings beyond the ABNF."""
    path, _, query = request.partition("?")
    options = []
    for option in split(request).options:
        name, value = canonical(option.name) or option.name, option.value or ""
        if name in STARTS and name != "$search" and "search" not in value and "case(" not in value.lower():
            tokens = option_tokens(name, value)
            value = "".join(_token(tokens, index, random) for index in range(len(tokens)))
        ends = ["", " ", "\n", "\t", "\u00a0"]
        value = random.choice(ends) + value + random.choice(ends)
        shown = random.choice(["{}", "%20{}", "{}%0A", "%EF%BB%BF{}", "amp;{}"]).format(option.name)
        options.append(f"{shown}={quote(value, safe='$*,/:;@=()!')}")
    return f"{path}%20?{'&'.join(options)}" if query and "/" not in path else f"{path}?{'&'.join(options)}"


def _requests() -> Iterator[str]:
    for path in sorted(cases.FOLDER.glob("*.case")):
        request = cases.read(path).request
        if "?" in request and not request.startswith("$"):
            yield request


@pytest.mark.parametrize("request_", list(_requests()))
def test_a_golden_request_spelled_differently_becomes_the_same_statements(request_):
    random = Random(request_)
    for _ in range(4):
        spelled = respelled(request_, random)
        if unquote(spelled) == unquote(request_):
            continue
        assert cases.compiled(spelled, (1,)) == cases.compiled(request_, (1,)), spelled
        STRICT.compile(request_)
        assert refusal(spelled, STRICT).status in (400, 404)
