"""Options that are written again parse to the same tree, and their literals to the same values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest
from odata_gateway.errors import Unsupported
from odata_gateway.url import ast
from odata_gateway.url.literals import literal_text
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split
from odata_gateway.url.unparse import anchored, encoded, unparse_options

OPTIONS = [
    "$filter=status eq 1",
    "$filter=a eq 1 and b eq 2 or not (c eq 3)",
    "$filter=(a or b) and c",
    "$filter=a sub b sub c eq -1",
    "$filter=-a eq 5 and -(a add b) lt -5",
    "$filter=a eq 'O''Neil %26 100%25 %2B %23?/;\"' or b eq 'ü👋'",
    "$filter=contains(tolower(a),'x') and startswith(a,b)",
    "$filter=a in (1,2,3) or b in ('x','y') or c in (1,null) or d in (1,2.5,9999999999)",
    "$filter=a eq null and b ne true or c eq false",
    "$filter=m/any(x:x/y eq 1 and x/n/all(z:z/w eq a)) or m/any()",
    "$filter=m/$count gt 1 and m/$count($filter=a eq 1) lt 2",
    "$filter=m/$filter(a eq 1)/any(x:x/b)",
    "$filter=cast(a,Edm.String) eq 'x' and isof(a,Edm.Int32)",
    "$filter=case(a eq 1:'x',true:'y') eq 'x'",
    """$filter=[a,b] in [[1,'x'],[null,2]] and {"a":b,"c\\"d":[1]} eq {"e":{}} and hassubset(concat([1,a],@x),[]) and substring([1],1) eq []&@x=[1,2]""",
    "$filter=t gt 2021-11-23T00:00:00Z and t lt 2021-11-23T01:02:03.1234567Z",
    "$filter=d eq 2021-11-23 and d ne -0043-01-01 and h eq 12:30:00 and p eq duration'-P1DT2.5S'",
    "$filter=x eq 1.5 or x eq 2.0 or x eq 1e22 or x eq 1.5e-7 or x eq INF or x eq -INF or x eq 99999999999999999999",
    "$filter=g eq 12345678-1234-1234-1234-123456789012 and y eq binary'AP__' and y ne binary''",
    "$orderby=a desc,length(b) add 1,c/d asc",
    "$select=a,b,*",
    "$top=5&$skip=3&$count=true",
    "$compute=a add 1 as x,length(b) as y&$select=x",
    "$expand=m($filter=a eq 1;$select=b;$orderby=c desc;$top=1;$skip=2;$count=true),n",
    "$expand=m($expand=n($expand=o;$levels=2);$filter=a in (1,2)),p/$ref,q/$count($filter=b eq 'x')",
    "$expand=m($count=false),n($compute=a add 1 as b;$select=b)",
    "$expand=*",
    "$filter=a eq @p&@p=5",
    "$filter=a in @p&@p=[1,2]",
    "$filter=a in @p&@p=[\"x\",\"y's\"]",
    "$filter=a in @p&@p=[null,2]",
    "$filter=contains(a,@p)&@p='x'",
    "$search=\"a\" AND (\"b c\" OR NOT \"d;)\")",
    "$search=a b OR c NOT d&$expand=m($search=x;$top=1)",
    "$filter=m/$count($search=a;$filter=b) gt 1",
    "$apply=filter(a eq 1)/groupby((b/c,d),aggregate($count as n,e mul 2 with sum as s,f/$count as g))&$filter=n gt 1",
    "$apply=search(x y)/compute(a add 1 as b)/orderby(a desc,b)/skip(1)/top(2)/identity/topcount(2,a)",
    "$apply=groupby((a,rollup(b,c)),filter(d)/topsum(10,e))/concat(identity,aggregate($count as n)/identity)",
    "$apply=groupby((a),aggregate(b with sum from c/d,e with average from f with max as g,$count from h with min as i))",
    "$apply=join(m as n,filter(a))/outerjoin(o as p)/nest(groupby((a)) as x,top(1) as y)/addnested(m,filter(a) as z)",
    "$expand=m($apply=aggregate(a with max as b,c/d with countdistinct as e);$filter=b gt 1;$top=2)",
]  # fmt: skip


def parsed(text: str) -> tuple[ast.Options, list[object]]:
    template, values = normalize(split(f"Things?{text}"))
    return parse(template).options, [(v.kind, v.value) for v in values]


def written(text: str) -> str:
    """The options of a text, as a link would repeat them."""
    template, values = normalize(split(f"Things?{text}"))
    options = parse(template).options
    return "&".join(
        f"{name}=" + "".join(encoded(p) if isinstance(p, str) else _quoted(literal_text(values[p].kind, values[p].value)) for p in pieces)
        for name, pieces in unparse_options(options, dict(options.aliases))
    )


def _quoted(text: str) -> str:
    return "".join(c if c.isalnum() or c in "'(),:-._~" else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


def shape(node: object, values: list[object]) -> object:
    """A tree without positions, with values in the place of slots, and without options that change nothing."""
    if isinstance(node, ast.Literal):
        return values[node.slot]
    if isinstance(node, ast.Term):
        return values[node.slot][1]  # a word is written as a phrase, which means the same
    if isinstance(node, tuple):
        return tuple(shape(item, values) for item in node)
    if isinstance(node, ast.Options):
        given = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in ("order", "places")}
        return {name: shape(value, values) for name, value in given.items() if value not in (None, (), False)}
    if is_dataclass(node):
        found = [shape(getattr(node, f.name), values) for f in fields(node) if f.name not in ("at", "alias_at")]
        return (type(node).__name__, *(None if item == {} else item for item in found))
    return node


@pytest.mark.parametrize("text", OPTIONS)
def test_what_is_written_parses_to_the_same_tree(text):
    again = written(text)
    assert shape(*parsed(again)) == shape(*parsed(text)), again


@pytest.mark.parametrize("text", OPTIONS)
def test_what_is_written_is_written_the_same_again(text):
    """The token of a nested link is bound to this text, so it must not depend on how the client spelled it."""
    assert written(written(text)) == written(text)


def test_it_is_an_entity_of_the_root_in_a_link():
    given, _ = parsed("$filter=$it/a eq 1&$expand=m($filter=b eq $it/n/c;$orderby=d)")
    wanted, _ = parsed("$filter=$root/Things(@__it)/a eq 1&$expand=m($filter=b eq $root/Things(@__it)/n/c;$orderby=d)")
    assert anchored(given, "Things") == wanted


def test_options_without_it_stay_what_they_are():
    given, _ = parsed("$filter=a eq 1&$expand=m($filter=b eq $this/c)")
    assert anchored(given, "Things") is given


def test_what_a_link_could_not_say_is_refused():
    with pytest.raises(Unsupported):
        written("$filter=m/aggregate(b with sum) gt 1")
