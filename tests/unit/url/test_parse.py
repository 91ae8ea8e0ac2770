"""Trees of requests: what each construct becomes, and how a client learns what is wrong."""

from __future__ import annotations

import pytest
from odata_gateway.errors import LimitDepth, ODataError, UrlOption, UrlSyntax
from odata_gateway.url import ast
from odata_gateway.url.grammar import UrlParser
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import list_of_names, parse
from odata_gateway.url.split import split


def request(url: str) -> ast.SyntaxTree:
    return parse(normalize(split(url, max_bytes=20_000, strict=True), strict=True)[0])


def options(query: str) -> ast.Options:
    return request("Message?" + query).options


def tree(text: str) -> ast.Expr:
    found = options("$filter=" + text.replace("&", "%26").replace("#", "%23")).filter
    assert found is not None
    return found


def show(node: object) -> str:
    """A tree as text in prefix form, short enough to compare in a test."""
    match node:
        case ast.Literal(kind, slot, many):
            return f"{kind}{'*' if many else ''}:{slot}"
        case ast.Constant(value):
            return "null" if value is None else str(value).lower()
        case ast.Variable(name) | ast.Alias(name):
            return name
        case ast.Member(base, name):
            return name if base is None else f"{show(base)}/{name}"
        case ast.NamedArgument(name, value):
            return f"{name}={show(value)}"
        case ast.Call(base, name, args):
            return ("" if base is None else show(base) + "/") + f"{name}({', '.join(map(show, args))})"
        case ast.Count(base, None):
            return f"{show(base)}/$count"
        case ast.Count(base, ast.Options(filter=predicate)):
            return f"{show(base)}/$count[{show(predicate)}]"
        case ast.FilterSegment(base, predicate):
            return f"{show(base)}/$filter({show(predicate)})"
        case ast.Lambda(base, quantifier, variable, body):
            return f"{show(base)}/{quantifier}({variable}: {show(body)})" if body is not None else f"{show(base)}/{quantifier}()"
        case ast.Unary(op, operand):
            return f"({op} {show(operand)})"
        case ast.Binary(op, left, right):
            return f"({op} {show(left)} {show(right)})"
        case ast.ListExpr(items):
            return "[" + ", ".join(map(show, items)) + "]"
        case ast.ObjectExpr(members):
            return "{" + ", ".join(f"{name}: {show(value)}" for name, value in members) + "}"
        case ast.Case(branches):
            return "case(" + ", ".join(f"{show(when)}: {show(then)}" for when, then in branches) + ")"
        case ast.Term(slot, phrase):
            return f'"{slot}"' if phrase else str(slot)
        case ast.SearchOp(op, operands):
            return f"({op} {' '.join(map(show, operands))})"
    raise AssertionError(node)


EXPRESSIONS = {
    # precedence (5.1.1.17)
    "a or b and c": "(or a (and b c))",
    "a and b or c": "(or (and a b) c)",
    "(a or b) and c": "(and (or a b) c)",
    "not a and b": "(and (not a) b)",
    "not a or b": "(or (not a) b)",
    "not (a eq 1)": "(not (eq a int32:0))",
    "not(a eq 1)": "(not (eq a int32:0))",
    "not not a": "(not (not a))",
    "not contains(a,'x')": "(not contains(a, string:0))",
    "not a in (1,2)": "(not (in a int32*:0))",
    "a eq b lt c": "(eq a (lt b c))",
    "a add b mul c": "(add a (mul b c))",
    "a sub b sub c": "(sub (sub a b) c)",
    "a mul b add c eq d": "(eq (add (mul a b) c) d)",
    "2 add 3 mul 4 eq 14": "(eq (add int32:0 (mul int32:1 int32:2)) int32:3)",
    "(4 add 5) mod (4 sub 1) eq 0": "(eq (mod (add int32:0 int32:1) (sub int32:2 int32:3)) int32:4)",
    "-a mul b": "(mul (- a) b)",
    "- a": "(- a)",
    "-(a add 1)": "(- (add a int32:0))",
    "-5 mod 3 eq -2": "(eq (mod int32:0 int32:1) int32:2)",
    "5 sub -3": "(sub int32:0 int32:1)",
    "a divby 2 eq 3.5": "(eq (divby a int32:0) decimal:1)",
    "a ne null": "(ne a null)",
    "( true )": "true",
    "a EQ 1 AND b Ne 2 Or NOT c": "(or (and (eq a int32:0) (ne b int32:1)) (not c))",
    "private eq TRUE": "(eq private true)",
    "style has Sales.Pattern'Yellow'": "(has style enum:0)",
    "a   eq\t1": "(eq a int32:0)",
    # in
    "a in (1,2)": "(in a int32*:0)",
    "a in (1,null)": "(in a [int32:0, null])",
    "a in ()": "(in a [])",
    "a in (names)": "(in a names)",
    "a in names": "(in a names)",
    "a in (1) and b": "(and (in a [int32:0]) b)",
    "a in (1,2) and b": "(and (in a int32*:0) b)",
    "not (a in ('x','y'))": "(not (in a string*:0))",
    "[a,b] in [[0,1],[1,2]]": "(in [a, b] [[int32:0, int32:1], [int32:2, int32:3]])",
    "a in [1,b]": "(in a [int32:0, b])",
    # keywords are names too
    "eq eq eq": "(eq eq eq)",
    "in in (1)": "(in in [int32:0])",
    "and and or": "(and and or)",
    "not eq 1": "(eq not int32:0)",
    "any/all eq desc": "(eq any/all desc)",
    "asc eq year and contains ne length": "(and (eq asc year) (ne contains length))",
    "null/x eq null": "(eq null/x null)",
    "true/false eq INF/NaN": "(eq true/false INF/NaN)",
    "notes eq 1 and order eq 2": "(and (eq notes int32:0) (eq order int32:1))",
    "status eq 1 and account eq 2": "(and (eq status int32:0) (eq account int32:1))",
    "filter eq top": "(eq filter top)",
    "x/account/aggregate": "x/account/aggregate",
    "ärger eq 'ß'": "(eq ärger string:0)",
    # paths, calls, lambdas
    "a/b/c eq d": "(eq a/b/c d)",
    "$it/id eq $root/User(1)/id": "(eq $it/id $root/User(int32:0)/id)",
    "$this/x eq $it": "(eq $this/x $it)",
    "LiveAgent.Message/id eq 1": "(eq LiveAgent.Message/id int32:0)",
    "a/LiveAgent.X/b": "a/LiveAgent.X/b",
    "id eq @p": "(eq id @p)",
    "@p/id eq 1": "(eq @p/id int32:0)",
    "@Core.Messages eq 1": "(eq @Core.Messages int32:0)",
    "price/@Measures.Currency#Reporting eq 'EUR'": "(eq price/@Measures.Currency#Reporting string:0)",
    "now() gt mindatetime( )": "(gt now() mindatetime())",
    "Contains( a , 'x' )": "Contains(a, string:0)",
    "substring(a,1,2) eq 'x'": "(eq substring(a, int32:0, int32:1) string:2)",
    "concat(concat(a,', '),b)": "concat(concat(a, string:0), b)",
    "cast('1',Edm.Int32) eq 1": "(eq cast(string:0, Edm.Int32) int32:1)",
    "isof(LiveAgent.Message)": "isof(LiveAgent.Message)",
    "cast(a,Collection(Edm.String))": "cast(a, Collection(Edm.String))",
    "geo.distance(a,b) lt 1": "(lt geo.distance(a, b) int32:0)",
    "Model.F(x=1,filter=2,top=@p)": "Model.F(x=int32:0, filter=int32:1, top=@p)",
    "a/Model.F()/b": "a/Model.F()/b",
    "Items(1)/x": "Items(int32:0)/x",
    "Items(a=1,b='x')/x": "Items(a=int32:0, b=string:1)/x",
    "F()(1)/x": "F()/(int32:0)/x",
    "a/any()": "a/any()",
    "a/any( )": "a/any()",
    "a/any(m:m/private eq true)": "a/any(m: (eq m/private true))",
    "a/Any( m : m/x )": "a/any(m: m/x)",
    "a/ALL(m:true)": "a/all(m: true)",
    "a/b/all(x:x/y/any(z:z eq x/w))": "a/b/all(x: x/y/any(z: (eq z x/w)))",
    "not a/any()": "(not a/any())",
    "a/any(in:in in (1))": "a/any(in: (in in [int32:0]))",
    "a/$count gt 3": "(gt a/$count int32:0)",
    "a/$count($filter=x eq 1) gt 0": "(gt a/$count[(eq x int32:0)] int32:1)",
    "a/$filter(x eq 1)/$count gt 0": "(gt a/$filter((eq x int32:0))/$count int32:1)",
    "a/$filter(x)/any(y:y/z)": "a/$filter(x)/any(y: y/z)",
    # other values
    "case(a eq 0:'x',true:b) eq 'x'": "(eq case((eq a int32:0): string:1, true: b) string:2)",
    '$it eq {"a":1,"b":[x,"y"]}': "(eq $it {a: int32:0, b: [x, string:1]})",
    '{"@odata.id":"x"} eq {}': "(eq {@odata.id: string:0} {})",
    "f([ 1 , 2 add 3 ])": "f([int32:0, (add int32:1 int32:2)])",
    "a eq duration'PT1H' or a eq 'PT1H'": "(or (eq a duration:0) (eq a string:1))",
    "a eq 2021-11-23 and b eq 12:30 and c eq 2021-11-23T00:00Z": "(and (eq a date:0) (and (eq b time:1) (eq c datetime:2)))",
}  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text):
    assert show(tree(text)) == EXPRESSIONS[text]


def test_long_chains_are_balanced_and_keep_their_order():
    text = " or ".join(f"p{number} eq 1" for number in range(600))
    found = tree(text)
    assert [name for name in show(found).split() if name.startswith("p")] == [f"p{number}" for number in range(600)]


def test_binary_operators_know_their_offset():
    found = tree("abc  eq 1")
    assert isinstance(found, ast.Binary) and found.at == 5


BAD_FILTERS = [
    "id eq", "id eq ", "eq 1", "id eq 1 or", "id eq 1 and ", "id  1", "id = 1", "id == 1", "id eq1", "(id eq 1", "id eq 1)", "()", "(1,2)",
    "(1,2) eq 1",
    "id in 1,2", "id in (1,)", "id in (,1)", "id in (1,2 add 3)", "a/", "/a", "a//b", "a/any(m)", "a/all()", "any()", "a/any(m:)",
    "a/$count/b",
    "a/any()/b", "a/$value", "f(", "f(1", "f(1,)", "f(,1)", "f (1)", "a b", "a eq b c", "'abc", "a eq 'abc", "a eq O'Neil'", '"abc"',
    "a eq \"b\"",
    " true", "true ", "a eq 1;b", "a.b.", ".a", "a..b", "$foo", "$count", "$it/", "@", "@p.", "#", "a/$filter()", "a/$count()",
    "a/$count($top=1)",
    "[1,", "[1,]", "{a:1}", '{"a"}', '{"a":1,}', '{"a":1', "case()", "case(a)", "case(a:1,)", "a eq @", "f($top=1)", "f($filter=x)", "-",
    "a -1", "a eq",
    "geography'x'", "a has", "a lt gt b", "a eq 1 $top=2", "*", "a/*", "a eq +1+1",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_what_is_no_expression(text):
    with pytest.raises(ODataError) as caught:
        tree(text)
    error = caught.value
    assert error.status == 400
    assert error.code.startswith("Url.")
    assert error.target == "$filter"
    assert error.at is not None and 0 <= error.at <= len(text)


@pytest.mark.parametrize(
    ("query", "at", "words"),
    [
        ("$filter=id eq", 3, "'eq' must be followed by a blank and a value"),
        ("$filter=id eq 1 or ", 11, "the text ends where a property, a value or a function"),
        ("$filter=id = 1", 3, "write eq for equality"),
        ("$filter=id eqq 1", 3, "did you mean 'eq'"),
        ("$filter=content eq 'abc", 11, "close the string with a quote"),
        ('$filter=content eq "abc"', 11, "write strings in single quotes"),
        ("$filter= true", 0, "leave out the blanks around the '='"),
        ("$filter=(a", 2, "the text ends where ')' should follow"),
        ("$orderby=id up", 3, "expected an operator such as eq or and, not 'up'"),
        ("$orderby=id asc desc", 3, "'asc'"),
        ("$select=id,", 3, "the text ends where a name"),
        ("$expand=messages($foo=1)", 9, "'$foo' is not an option that can stand here"),
        ("$expand=messages($fitler=1)", 9, "did you mean '$filter'"),
        ("$expand=messages($levels=0)", 17, "write a number from 1, or max"),
        ("$expand=a($select=id;$select=id)", 13, "given twice"),
        ("$apply=agregate($count as n)", 0, "did you mean 'aggregate'"),
        ("$apply=groupby(status)", 0, "write groupby((status))"),
        ("$apply=aggregate(id with summ as n)", 18, "did you mean 'sum'"),
        ("$compute=length(title)", 13, "the text ends where"),
    ],
)
def test_messages_say_where_and_what_to_do(query, at, words):
    with pytest.raises(ODataError) as caught:
        options(query)
    assert caught.value.at == at
    assert words in str(caught.value)


# --- other options


def test_orderby():
    found = options("$orderby=conversation_id desc,length(title) ASC, messages/$count,desc desc").orderby
    assert found is not None
    assert [(show(item.expr), item.descending) for item in found] == [
        ("conversation_id", True), ("length(title)", False), ("messages/$count", False), ("desc", True),
    ]  # fmt: skip


def test_select():
    found = options(
        "$select=id, status,*,A.B,A.*,Address/Model.Sub/Street,a/Model.F(x,y),@Core.M,tags($filter=$this eq 'x';$top=5;$count=true)"
    ).select
    assert found is not None
    assert [item.path for item in found] == [
        ("id",), ("status",), ("*",), ("A.B",), ("A.*",), ("Address", "Model.Sub", "Street"), ("a", "Model.F(x,y)"), ("@Core.M",), ("tags",
        ),
    ]  # fmt: skip
    assert found[8].options is not None
    assert found[8].options.order == ("$filter", "$top", "$count")


def test_expand():
    found = options(
        "$expand=inbox,messages($filter=content eq 'a;b,c)d';$orderby=id desc,x;$top=3;$skip=1;$count=true;select=id;$search=a OR b;"
        "$expand=conversation($levels=max);$compute=1 as one;@p=2),labels/$ref,labels/$count(search=x),*,*/$ref,*($levels=2),$value,A.B/c/$ref($top=1)"
    ).expand
    assert found is not None
    assert [(item.path, item.suffix) for item in found] == [
        (("inbox",), None), (("messages",), None), (("labels",), "$ref"), (("labels",), "$count"), (("*",), None), (("*",), "$ref"), (("*",), None),
        (("$value",), None), (("A.B", "c"), "$ref"),
    ]  # fmt: skip
    nested = found[1].options
    assert nested is not None
    assert nested.order == ("$filter", "$orderby", "$top", "$skip", "$count", "$select", "$search", "$expand", "$compute", "@p")
    assert nested.count is True and nested.top is not None and nested.top.kind == "int64"
    assert nested.expand is not None and nested.expand[0].options is not None and nested.expand[0].options.levels == "max"
    assert nested.aliases[0][0] == "@p"
    assert found[6].options is not None and found[6].options.levels == 2


@pytest.mark.parametrize(
    "query",
    ["$expand=messages()", "$expand=", "$expand=a,", "$expand=a/", "$expand=a($top=1;)", "$expand=a($top=-1)", "$expand=a($top=1.5)", "$expand=a($top=x)",
     "$expand=a($count=yes)", "$expand=a($levels=04)", "$expand=a($levels=-1)", "$expand=a/$ref($select=id)", "$expand=a/$ref($levels=2)",
     "$expand=a/$count($count=true)", "$expand=a/$count($top=1)", "$expand=*($select=id)", "$expand=*/$ref($top=1)", "$expand=*/$count", "$expand=a/$value",
     "$expand=a/$ref/b", "$expand=a($format=json)", "$expand=a($index=1)", "$expand=a desc", "$expand=a($filter=)", "$expand=a($filter= x)",
     "$expand=a($filter=x,$top=1)", "$select=*/a", "$select=a/*", "$select=a b", "$select=f()", "$select=a($expand=b)", "$select=a($levels=2)",
     "$select=,", "$select=a,,b", "$select= a", "$orderby=", "$orderby=a,", "$orderby=a desc b", "$orderby=a as b", "$compute=a", "$compute=a as b.c",
     "$compute=a as", "$compute=a as 1", "$compute=a as b,", "$expand=a;b", "$expand=a($top=1", "$expand=a)$top=1("],
)  # fmt: skip
def test_lists_that_are_wrong(query):
    with pytest.raises(ODataError) as caught:
        options(query)
    assert caught.value.status == 400
    assert caught.value.target == query.partition("=")[0]
    assert caught.value.at is not None


SEARCHES = {
    "a": "0", "a b": "(and 0 1)", "a AND b": "(and 0 1)", "a OR b AND c": "(or 0 (and 1 2))", "NOT a": "(not 0)", "NOT NOT a": "(not (not 0))",
    "NOT a b": "(and (not 0) 1)", "(a OR b) AND NOT c": "(and (or 0 1) (not 2))", '"good bye" x': '(and "0" 1)', "AND": "0", "AND OR": "(and 0 1)",
    "AND OR NOT": "(or 0 1)", "a NOT b": "(and 0 (not 1))", "a and b": "(and 0 1 2)", "' x)'": '"0"',
    "Daniel's": "0", " a": "0", "a  b": "(and 0 1)", "9,81": "0", "a:b/c?d=e$f@g": "0", "(a)": "0", "( a )": "0", "a OR b OR c": "(or 0 1 2)",
}  # fmt: skip


@pytest.mark.parametrize("text", SEARCHES)
def test_search(text):
    assert show(options("$search=" + text).search) == SEARCHES[text]


@pytest.mark.parametrize("text", ['"open', "a;b", "(a", "a)", "()", '""', "a(b)", '"a"b', "(a)b", '"', "NOT(a)", "'a' b", "'a"])
def test_searches_that_are_wrong(text):
    with pytest.raises(UrlSyntax) as caught:
        options("$search=" + text)
    assert caught.value.target == "$search"


def test_aliases():
    found = options("$filter=id in @ids&@ids=[1,2]&@a=$root/X(1)/y&@o={}").aliases
    assert [(name, show(value)) for name, value in found] == [("@ids", "int32*:0"), ("@a", "$root/X(int32:1)/y"), ("@o", "{}")]


@pytest.mark.parametrize("query", ["@a=", '@a="x"', "@a= 1", "@a=(1,2)", "@a=[1", "@a=a b"])
def test_aliases_that_are_wrong(query):
    with pytest.raises(UrlSyntax):
        options(query)


def test_the_order_of_options_is_kept():
    found = options("$top=1&$filter=true&@p=1&$count=true&$format=json")
    assert found.order == ("$top", "$filter", "@p", "$count", "$format")
    assert found.count is True and found.format == "json"


# --- $apply


def steps(text: str) -> tuple[ast.Transformation, ...]:
    found = options("$apply=" + text).apply
    assert found is not None
    return found


def test_aggregate():
    (step,) = steps(
        "aggregate(id mul 2 with sum as s,$count as n,a/$count as c,Custom,a/b with Own.method from x,y/z with max from w with min as d)"
    )
    items = step.args
    assert [(item.method, item.alias, len(item.sources)) for item in items if isinstance(item, ast.AggregateItem)] == [
        ("sum", "s", 0), (None, "n", 0), (None, "c", 0), (None, None, 0), ("Own.method", "d", 2),
    ]  # fmt: skip


def test_groupby_and_what_follows():
    found = steps(
        "filter(private eq false)/groupby((a/b,rollup(c,d)),aggregate($count as n)/top(3))/orderby(n desc)/identity/search(x OR y)"
    )
    assert [step.name for step in found] == ["filter", "groupby", "orderby", "identity", "search"]
    path, rollup, sequence = found[1].args
    assert show(path) == "a/b"
    assert isinstance(rollup, ast.Rollup) and len(rollup.paths) == 2
    assert isinstance(sequence, ast.Sequence) and [step.name for step in sequence.steps] == ["aggregate", "top"]


def test_transformation_names_are_functions_and_properties_elsewhere():
    found = steps("concat(identity,compute(concat(a,b) as c))/filter(top eq 1 and concat(filter,skip) eq 'x')/compute(search as orderby)")
    assert [step.name for step in found] == ["concat", "filter", "compute"]


def test_apply_in_expand():
    found = options("$expand=messages($apply=filter(a)/aggregate($count as n);$top=1)").expand
    assert found is not None and found[0].options is not None and found[0].options.apply is not None
    assert [step.name for step in found[0].options.apply] == ["filter", "aggregate"]


def test_aggregate_in_expressions():
    found = tree("id ge $these/aggregate(id with average)")
    assert isinstance(found, ast.Binary) and isinstance(found.right, ast.Aggregation)


@pytest.mark.parametrize(
    "text",
    ["aggregate()", "aggregate(id with sum)", "aggregate($count with sum as n)", "aggregate($count)", "aggregate(id add 1 as x)", "aggregate", "top", "top(x)",
     "top(-1)", "top(1.5)", "groupby()", "groupby(())", "groupby((a)", "groupby((a/$count))", "groupby((f(a)))", "groupby((rollup(a/b)))", "concat(identity)",
     "concat()", "identity()", "filter()", "filter(a", "filter(a)/", "/filter(a)", "filter(a)filter(b)", "topcount(1)", "topcount(1,2,3)", "nest(identity)",
     "join(a)", "search()", "compute(a)", "orderby()", "Identity", "FILTER(a)", "frobnicate(1)", "ancestors($root/A,q,id,aggregate($count as n))",
     "traverse($root/A,q,id,sideways)", "aggregate(id with average from day as x)", "a eq 1", "concat(a,b)", "filter(a) eq 1"],
)  # fmt: skip
def test_transformations_that_are_wrong(text):
    with pytest.raises(ODataError) as caught:
        steps(text)
    assert caught.value.status == 400
    assert caught.value.target == "$apply"
    assert caught.value.at is not None


# --- the path


def names(url: str) -> list[str]:
    return [segment.name for segment in request(url).path]


def test_segments():
    found = request("Conversation(1)/messages(id=2,x='a')/LiveAgent.Message/$filter(a/b eq 1)/7/$count").path
    assert [segment.name for segment in found] == ["Conversation", "messages", "LiveAgent.Message", "$filter", "7", "$count"]
    assert [show(argument) for argument in found[1].args or ()] == ["id=int32:1", "x=string:2"]
    assert found[2].args is None and found[2].literal == ast.Literal("raw", 3)
    assert [show(argument) for argument in found[3].args or ()] == ["(eq a/b int32:4)"]
    assert found[4].literal == ast.Literal("raw", 5)
    assert found[5].literal is None


def test_a_key_may_follow_a_call():
    found = request("F()(1)").path
    assert [(segment.name, len(segment.args or ())) for segment in found] == [("F", 0), ("", 1)]


@pytest.mark.parametrize(
    "url",
    ["", "$metadata", "$batch", "$all", "$all/LiveAgent.Label", "$entity?$id=Message(1)", "$entity/LiveAgent.Message?$id=Message(1)&$select=id",
     "$crossjoin(Label,Inbox)", "$crossjoin(Label)/$count", "Message(@k)?@k=1", "Message(id=@k)", "Message/$query", "Message/$filter(@f)/$each/A.B?@f=true",
     "Message(1)/conversation/$ref", "Label(1)/title/$value", "People/O%27Neil", "Message('a%2Fb')", "$metadata?$format=json&$schemaversion=*&apikey=K"],
)  # fmt: skip
def test_paths(url):
    request(url)


@pytest.mark.parametrize(
    "url",
    ["$Metadata", "$METADATA", "Message/$COUNT", "Message/$foo", "$count", "$value", "Message/$metadata", "Message/$batch", "$metadata/x", "$batch/x",
     "Message/$count/x", "Message/$ref/$count", "Message(1)/name/$value/x", "Message/$query/x", "$all/$count", "$all(1)", "$entity", "$entity?$format=json",
     "$entity?$id=x&$select=id", "$entity/A.B?$id=x&$top=1", "$metadata?$filter=true", "$batch?$top=1", "$metadata?@p=1", "$crossjoin", "$crossjoin()",
     "$crossjoin(a.b/c)", "Message/$filter", "Message/$filter()", "Message(1", "Message(1)x", "Message((1))", "Message(1;2)", "Message(id=wrong)",
     "Message(wrong)", "Message( 1)", "Message(1 )", "Message(id =1)", "Message(id= 1)", "Message('a/b')", "Message('a", "Message('O%27Neil')", "A.B",
     "Message(1,)", "Message([1])", "Message(1 add 2)", "Message/$count()", "$it", "$root/Message", "Message(2021-13-01)"],
)  # fmt: skip
def test_paths_that_are_wrong(url):
    with pytest.raises(ODataError) as caught:
        request(url)
    assert caught.value.status == 400
    assert caught.value.code.startswith("Url.")
    assert caught.value.target


def test_misplaced_options_are_named():
    with pytest.raises(UrlOption) as caught:
        request("$metadata?$filter=true")
    assert caught.value.target == "$filter"


# --- limits and the grammar itself


@pytest.mark.parametrize(
    "text",
    ["not " * 201 + "a", "-" * 250 + "a", "a" + "/b" * 220, "f(" * 201 + "a" + ")" * 201, "a" + " add 1" * 220,
     "[" * 201 + "]" * 201, "x/any(a:" * 201 + "true" + ")" * 201, '{"a":' * 201 + "1" + "}" * 201, "a" + " eq 1" * 250],
)  # fmt: skip
def test_deep_trees_are_refused(text):
    with pytest.raises(LimitDepth) as caught:
        tree(text)
    assert caught.value.status == 400


def test_parentheses_alone_make_no_depth():
    assert show(tree("(" * 3000 + "a" + ")" * 3000)) == "a"


def test_deep_expands_are_refused():
    with pytest.raises(LimitDepth):
        options("$expand=" + "a($expand=" * 110 + "a" + ")" * 110)


def test_the_grammar_has_no_conflicts():
    table = UrlParser._lrtable
    assert (table.sr_conflicts, table.rr_conflicts) == ([], [])


def test_every_token_and_rule_of_the_grammar_is_used():
    grammar = UrlParser._grammar
    assert (grammar.unused_terminals(), grammar.unused_rules(), grammar.find_unreachable()) == ([], [], [])


# --- lists of names -------------------------------------------------------------------------------

NAMES = ["id", "a1", "Live.Agent", "é", "any", "select", "desc", "asc", "n" * 128]
LISTS = [
    *(f"$select={each}" for each in (*NAMES, ",".join(NAMES), "id , content", "LiveAgent.Message,id")),
    *(f"$orderby={each}" for each in (*NAMES, ",".join(NAMES), "id desc", "id DESC,a asc , b", "a,b  desc", "desc desc,asc asc")),
]
OTHERS = [
    *(
        "$select=" + each
        for each in ("*", "not", "a/b", "a(b)", "a,,b", ",a", "a,", "a b", "a desc", "'a'", "null", "n" * 129, "$it", "@a.b", "a($top=1)")
    ),
    *(
        "$orderby=" + each
        for each in ("a/b", "not", "a add 1", "f(a)", "a,,b", "a desc desc", "desc ,", "a b", "1", "null", "n" * 129, "$it/a", "(a)", "-a")
    ),
]


@pytest.mark.parametrize("query", LISTS + OTHERS)
def test_a_list_of_names_is_what_the_grammar_makes_of_it(query, monkeypatch):
    def outcome():
        try:
            return repr(options(query))
        except ODataError as error:
            return type(error), str(error), error.at, error.target

    part = normalize(split("Message?" + query), strict=True)[0].options[0]
    assert (list_of_names(part) is not None) == (query in LISTS)
    short = outcome()
    monkeypatch.setattr("odata_gateway.url.parse._LISTS_OF_NAMES", {})
    assert outcome() == short


@pytest.mark.parametrize("query", ["$select=%20", "$orderby=%20", "$select=,", "$orderby=desc"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_list_without_names_is_no_fault_of_ours(query, strict):
    template, _ = normalize(split("Message?" + query, strict=strict), strict=strict)
    assert list_of_names(template.options[0]) is None or query == "$orderby=desc"
