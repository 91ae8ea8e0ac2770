"""The grammar of query options and path segments, in the order of the ABNF, as one LALR(1) table
that is built at import.

SLY allows one start symbol per class, so each text begins with a sentinel token (START_...). The
value of a token is (text, offset), that of a literal ((kind, slot, many), offset). The grammar
accepts a little more than the ABNF where only names or types distinguish productions. It has no
conflicts, which a test asserts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn, TypeVar, cast

from sly import Parser as SlyParser
from sly.yacc import _decorator

from odata_gateway.errors import UrlSyntax
from odata_gateway.url import ast, nodes, options
from odata_gateway.url.syntax_errors import unexpected

_Action = TypeVar("_Action", bound=Callable[..., object])


def rule(*productions: str) -> Callable[[_Action], _Action]:
    """SLY's decorator. Its metaclass puts it into the class body under the name `_`, which type
    checkers do not know."""

    def mark(action: _Action) -> _Action:
        return cast(_Action, _decorator(*productions)(action))

    return mark


class UrlParser(SlyParser):
    """Makes syntax trees of tokens. SLY finds the methods by their productions; their names say
    what they make."""

    track_positions = False
    start = "start"
    tokens: ClassVar[set[str]] = {
        *(row.start for row in options.PARSED),
        *(row.token for row in options.NESTED),
        "START_ALIAS",
        "START_SEGMENT",
        "SEGMENT_FILTER",
        "SEGMENT_CROSSJOIN",
        "LITERAL",
        "JSTRING",
        "CONSTANT",
        "MEMBER",
        "LIST",
        "OPEN",
        "CLOSE",
        "COMMA",
        "COLON",
        "SEMI",
        "SLASH",
        "STAR",
        "LBRACKET",
        "RBRACKET",
        "LBRACE",
        "RBRACE",
        "OR",
        "AND",
        "EQUALITY",
        "RELATION",
        "ADDITIVE",
        "MULTIPLICATIVE",
        "HAS",
        "IN",
        "NOT",
        "MINUS",
        "DIRECTION",
        "AS",
        "WITH",
        "FROM",
        "NAME",
        "AT",
        "VARIABLE",
        "CALL",
        "CASE",
        "LAMBDA",
        "PARAM",
        "ALL_OF",
        "COUNT",
        "COUNT_OPEN",
        "FILTER_OPEN",
        "REF",
        "REF_OPEN",
        "AGGREGATE_OPEN",
        "DOLLAR_COUNT",
        "DOLLAR_VALUE",
        "LEVELS",
        "ALIAS_EQ",
        "WORD",
        "PHRASE",
        "SINGLE",
        "S_AND",
        "S_OR",
        "S_NOT",
        "T_IDENTITY",
        "T_AGGREGATE",
        "T_COMPUTE",
        "T_CONCAT",
        "T_GROUPBY",
        "T_FILTER",
        "T_SEARCH",
        "T_ORDERBY",
        "T_PAGE",
        "T_RANK",
        "T_JOIN",
        "T_NEST",
        "T_ADDNESTED",
        "T_RELATIVES",
        "T_TRAVERSE",
        "T_CUSTOM",
        "T_ROLLUP",
        "T_ROLLUPRECURSIVE",
        "KEEP",
    }

    # From loose to tight (5.1.1.17); `and` and `or` have rules of their own.
    precedence = (
        ("left", "EQUALITY"),
        ("left", "RELATION"),
        ("left", "ADDITIVE"),
        ("left", "MULTIPLICATIVE"),
        ("right", "NOT", "MINUS"),
        ("left", "HAS", "IN"),
    )

    @rule(
        *dict.fromkeys(f"start : {row.start} {row.symbol}" for row in options.PARSED),
        "start : START_ALIAS expr",
        "start : START_SEGMENT segment",
    )
    def start_symbol(self, p: Any) -> object:
        return p[1]

    # --- 1. Resource path: segments with parentheses

    @rule("segment : CALL key_list CLOSE")
    def segment_call(self, p: Any) -> list[ast.Segment]:
        nodes.check_key(*p)
        return [ast.Segment(nodes.call_name(p[0]), tuple(p[1]), at=p[0][1])]

    @rule("segment : segment OPEN key_list CLOSE")
    def segment_key(self, p: Any) -> list[ast.Segment]:
        before = p[0][-1]
        if before.name[:1] != "$" and any(
            not isinstance(argument, ast.NamedArgument) for argument in before.args or ()
        ):
            raise UrlSyntax("a key cannot follow another one", at=p[1][1])
        return [*p[0], ast.Segment("", tuple(p[2]), at=p[1][1])]

    @rule("segment : SEGMENT_FILTER expr CLOSE")
    def segment_filter(self, p: Any) -> list[ast.Segment]:
        return [ast.Segment("$filter", (p[1],), at=p[0][1])]

    @rule("segment : SEGMENT_CROSSJOIN names CLOSE")
    def segment_crossjoin(self, p: Any) -> list[ast.Segment]:
        return [
            ast.Segment("$crossjoin", tuple([ast.Member(None, *name) for name in p[1]]), at=p[0][1])
        ]

    @rule("key_list : ")
    def no_keys(self, p: Any) -> list[ast.Expr]:
        return []

    @rule(
        "key_list : keys",
        "names : NAME",
        "keys : key",
        "arguments : argument",
        "elements : element",
        "items : item",
        "paths : path",
        "compute : compute_item",
        "orderby : order_item",
        "select : select_item",
        "expand : expand_item",
        "options : option",
        "aggregates : aggregate",
        "branches : branch",
        "members : member",
        "group_items : group_item",
        "aliased_list : aliased",
        "steps : step",
        "sequences : sequence",
    )
    def first_item(self, p: Any) -> list[Any]:
        return p[0] if isinstance(p[0], list) else [p[0]]

    @rule(
        "names : names COMMA NAME",
        "keys : keys COMMA key",
        "arguments : arguments COMMA argument",
        "elements : elements COMMA element",
        "items : items COMMA item",
        "paths : paths COMMA path",
        "compute : compute COMMA compute_item",
        "orderby : orderby COMMA order_item",
        "select : select COMMA select_item",
        "expand : expand COMMA expand_item",
        "options : options SEMI option",
        "aggregates : aggregates COMMA aggregate",
        "branches : branches COMMA branch",
        "members : members COMMA member",
        "group_items : group_items COMMA group_item",
        "aliased_list : aliased_list COMMA aliased",
        "steps : steps SLASH step",
        "sequences : sequences COMMA sequence",
    )
    def next_item(self, p: Any) -> list[Any]:
        p[0].append(p[2])
        return cast(list[Any], p[0])

    @rule("key : key_value")
    def key(self, p: Any) -> ast.Expr:
        return cast(ast.Expr, p[0])

    @rule("key : parameter key_value", "argument : parameter expr")
    def named_argument(self, p: Any) -> ast.NamedArgument:
        return ast.NamedArgument(p[0][0], p[1], p[0][1])

    @rule("key_value : literal")
    def key_literal(self, p: Any) -> ast.Expr:
        return cast(ast.Expr, p[0])

    @rule("key_value : AT")
    def key_alias(self, p: Any) -> ast.Expr:
        return nodes.alias_or_annotation(p[0])

    @rule("literal : LITERAL", "json_string : JSTRING")
    def literal(self, p: Any) -> ast.Literal:
        (kind, slot, many), at = p[0]
        return ast.Literal(kind, slot, many, at)

    @rule("literal : CONSTANT")
    def constant(self, p: Any) -> ast.Constant:
        return ast.Constant(nodes.CONSTANTS[p[0][0].lower()], p[0][1])

    @rule(
        "parameter : PARAM",
        *(f"parameter : {row.token}" for row in options.NESTED),
    )
    def parameter(self, p: Any) -> tuple[str, int]:
        text, at = p[0]
        if text[0] == "$":
            raise UrlSyntax(f"'{text}' cannot stand in the arguments of a function", at=at)
        return text[:-1], at

    # --- 2. Query options: $expand, $select, $orderby, $compute and what stands in parentheses

    @rule(
        *(f"option : {row.token} {row.symbol}" for row in options.NESTED),
        "option : ALIAS_EQ expr",
    )
    def option(self, p: Any) -> nodes.OptionValue:
        return nodes.option(p[0], p[1])

    @rule("option : LEVELS")
    def levels(self, p: Any) -> nodes.OptionValue:
        return nodes.levels(*p[0])

    @rule("select_item : STAR", "select_item : ALL_OF")
    def select_all(self, p: Any) -> ast.SelectItem:
        return ast.SelectItem((p[0][0],), at=p[0][1])

    @rule("select_item : names_path")
    def select_path(self, p: Any) -> ast.SelectItem:
        names, at = p[0]
        return ast.SelectItem(tuple(names), at=at)

    @rule("select_item : open_path options CLOSE")
    def select_options(self, p: Any) -> ast.SelectItem:
        names, at = p[0]
        return ast.SelectItem(
            tuple(names),
            nodes.options_of(p[1], options.ALLOWED["select"], "an item of $select"),
            at,
        )

    @rule("select_item : open_path names CLOSE")
    def select_function(self, p: Any) -> ast.SelectItem:
        names, at = p[0]
        parameters = ",".join([name for name, _ in p[1]])
        return ast.SelectItem((*names[:-1], f"{names[-1]}({parameters})"), at=at)

    @rule("names_path : NAME", "names_path : AT", "names_path : CONSTANT")
    def names_path_first(self, p: Any) -> tuple[list[str], int]:
        text, at = p[0]
        return [text], at

    @rule("names_path : names_path SLASH NAME", "names_path : names_path SLASH AT")
    def names_path_next(self, p: Any) -> tuple[list[str], int]:
        p[0][0].append(p[2][0])
        return cast(tuple[list[str], int], p[0])

    @rule("open_path : CALL")
    def open_path_first(self, p: Any) -> tuple[list[str], int]:
        return [nodes.call_name(p[0])], p[0][1]

    @rule("open_path : names_path SLASH CALL")
    def open_path_next(self, p: Any) -> tuple[list[str], int]:
        names, at = p[0]
        return [*names, nodes.call_name(p[2])], at

    @rule("open_path : names_path OPEN")
    def open_path_annotation(self, p: Any) -> tuple[list[str], int]:
        return cast(tuple[list[str], int], p[0])

    @rule("star_path : STAR")
    def star_path(self, p: Any) -> tuple[list[str], int]:
        return ["*"], p[0][1]

    @rule("star_path : names_path SLASH STAR")
    def star_path_next(self, p: Any) -> tuple[list[str], int]:
        names, at = p[0]
        return [*names, "*"], at

    @rule("expand_item : DOLLAR_VALUE")
    def expand_value(self, p: Any) -> ast.ExpandItem:
        return ast.ExpandItem(("$value",), at=p[0][1])

    @rule("expand_item : names_path", "expand_item : star_path")
    def expand_path(self, p: Any) -> ast.ExpandItem:
        names, at = p[0]
        return ast.ExpandItem(tuple(names), at=at)

    @rule(
        "expand_item : names_path REF",
        "expand_item : names_path COUNT",
        "expand_item : star_path REF",
    )
    def expand_suffix(self, p: Any) -> ast.ExpandItem:
        names, at = p[0]
        return ast.ExpandItem(tuple(names), p[1][0][1:], at=at)

    @rule(
        "expand_item : names_path REF_OPEN options CLOSE",
        "expand_item : names_path COUNT_OPEN options CLOSE",
    )
    def expand_suffix_options(self, p: Any) -> ast.ExpandItem:
        names, at = p[0]
        suffix = "$ref" if p[1][0].startswith("/$ref") else "$count"
        return ast.ExpandItem(
            tuple(names),
            suffix,
            nodes.options_of(p[2], options.ALLOWED[options.EXPAND_PLACES[suffix]], "/" + suffix),
            at,
        )

    @rule("expand_item : open_path options CLOSE")
    def expand_options(self, p: Any) -> ast.ExpandItem:
        names, at = p[0]
        return ast.ExpandItem(
            tuple(names),
            None,
            nodes.options_of(p[1], options.ALLOWED["expand"], "an item of $expand"),
            at,
        )

    @rule("expand_item : star_path OPEN options CLOSE")
    def expand_star_options(self, p: Any) -> ast.ExpandItem:
        names, at = p[0]
        return ast.ExpandItem(
            tuple(names), None, nodes.options_of(p[2], options.ALLOWED["expand *"], "*"), at
        )

    @rule("order_item : expr")
    def order_ascending(self, p: Any) -> ast.OrderItem:
        return ast.OrderItem(p[0], False, p[0].at)

    @rule("order_item : expr DIRECTION")
    def order_direction(self, p: Any) -> ast.OrderItem:
        return ast.OrderItem(p[0], p[1][0].strip().lower() == "desc", p[0].at)

    @rule("compute_item : expr AS NAME")
    def compute_item(self, p: Any) -> ast.ComputeItem:
        return ast.ComputeItem(p[0], nodes.identifier(p[2]), p[2][1])

    # --- $search

    @rule("search : SINGLE LITERAL", "search_not : WORD LITERAL", "search_not : PHRASE LITERAL")
    def term(self, p: Any) -> ast.Term:
        (_, slot, _), at = p[1]
        return ast.Term(slot, p[0][0][0] in "\"'", at)

    @rule("search : search_or")
    def search(self, p: Any) -> ast.Search:
        return nodes.search("or", p[0])

    @rule("search_or : search_and")
    def search_or_first(self, p: Any) -> list[ast.Search]:
        return [nodes.search("and", p[0])]

    @rule("search_or : search_or S_OR search_and")
    def search_or_next(self, p: Any) -> list[ast.Search]:
        return [*p[0], nodes.search("and", p[2])]

    @rule("search_and : search_not")
    def search_and_first(self, p: Any) -> list[ast.Search]:
        return [p[0]]

    @rule("search_and : search_and S_AND search_not")
    def search_and_next(self, p: Any) -> list[ast.Search]:
        p[0].append(p[2])
        return cast(list[ast.Search], p[0])

    @rule("search_not : S_NOT search_not")
    def search_negation(self, p: Any) -> ast.Search:
        return ast.SearchOp("not", (p[1],), p[0][1])

    @rule("search_not : OPEN search_or CLOSE")
    def search_parentheses(self, p: Any) -> ast.Search:
        return nodes.search("or", p[1])

    # --- 4. Expressions

    @rule("expr : disjunction")
    def expression(self, p: Any) -> ast.Expr:
        return nodes.chain("or", p[0])

    @rule("disjunction : conjunction")
    def disjunction_first(self, p: Any) -> nodes.Chain:
        return [(nodes.chain("and", p[0]), 0)]

    @rule("disjunction : disjunction OR conjunction")
    def disjunction_next(self, p: Any) -> nodes.Chain:
        p[0].append((nodes.chain("and", p[2]), nodes.operator_at(p[1])))
        return cast(nodes.Chain, p[0])

    @rule("conjunction : term")
    def conjunction_first(self, p: Any) -> nodes.Chain:
        return [(p[0], 0)]

    @rule("conjunction : conjunction AND term")
    def conjunction_next(self, p: Any) -> nodes.Chain:
        p[0].append((p[2], nodes.operator_at(p[1])))
        return cast(nodes.Chain, p[0])

    @rule(
        "term : term EQUALITY term",
        "term : term RELATION term",
        "term : term ADDITIVE term",
        "term : term MULTIPLICATIVE term",
        "term : term HAS term",
        "term : term IN term",
    )
    def binary(self, p: Any) -> ast.Binary:
        return ast.Binary(p[1][0].strip().lower(), p[0], p[2], nodes.operator_at(p[1]))

    @rule("term : NOT term")
    def negation(self, p: Any) -> ast.Unary:
        return ast.Unary("not", p[1], p[0][1])

    @rule("term : MINUS term")
    def minus(self, p: Any) -> ast.Unary:
        return ast.Unary("-", p[1], p[0][1])

    @rule(
        "term : literal",
        "term : path",
        "argument : expr",
        "element : expr",
        "element : json_string",
        "item : literal",
    )
    def same(self, p: Any) -> ast.Expr:
        return cast(ast.Expr, p[0])

    @rule("term : OPEN expr CLOSE")
    def parentheses(self, p: Any) -> ast.Expr:
        return cast(ast.Expr, p[1])

    @rule("term : LIST items CLOSE", "term : LBRACKET elements RBRACKET")
    def list_expression(self, p: Any) -> ast.ListExpr:
        return ast.ListExpr(tuple(p[1]), p[0][1])

    @rule("term : LIST CLOSE", "term : LBRACKET RBRACKET")
    def empty_list(self, p: Any) -> ast.ListExpr:
        return ast.ListExpr((), p[0][1])

    @rule("term : LBRACE members RBRACE")
    def object_expression(self, p: Any) -> ast.ObjectExpr:
        return ast.ObjectExpr(tuple(p[1]), p[0][1])

    @rule("term : LBRACE RBRACE")
    def empty_object(self, p: Any) -> ast.ObjectExpr:
        return ast.ObjectExpr((), p[0][1])

    @rule("member : MEMBER element")
    def member(self, p: Any) -> tuple[str, ast.Expr]:
        return nodes.member_name(p[0]), p[1]

    @rule("term : CASE branches CLOSE")
    def case(self, p: Any) -> ast.Case:
        return ast.Case(tuple(p[1]), p[0][1])

    @rule("branch : expr COLON expr")
    def branch(self, p: Any) -> tuple[ast.Expr, ast.Expr]:
        return p[0], p[2]

    # --- paths in expressions

    @rule("path : NAME")
    def first_member(self, p: Any) -> ast.Member:
        return ast.Member(None, *p[0])

    @rule("path : VARIABLE")
    def variable(self, p: Any) -> ast.Variable:
        return ast.Variable(*p[0])

    @rule("path : AT")
    def alias(self, p: Any) -> ast.Expr:
        return nodes.alias_or_annotation(p[0])

    @rule("path : path SLASH NAME", "path : path SLASH AT")
    def next_member(self, p: Any) -> ast.Member:
        return ast.Member(p[0], *p[2])

    @rule("path : CALL argument_list CLOSE")
    def call(self, p: Any) -> ast.Call:
        return ast.Call(None, nodes.call_name(p[0]), tuple(p[1]), p[0][1])

    @rule("path : path SLASH CALL argument_list CLOSE")
    def bound_call(self, p: Any) -> ast.Call:
        return nodes.bound_call(p[0], p[2], p[3])

    @rule("path : path OPEN key_list CLOSE")
    def key_of_call(self, p: Any) -> ast.Call:
        return ast.Call(p[0], "", tuple(p[2]), p[1][1])

    @rule("argument_list : ")
    def no_arguments(self, p: Any) -> list[ast.Expr]:
        return []

    @rule("argument_list : arguments")
    def argument_list(self, p: Any) -> list[ast.Expr]:
        return cast(list[ast.Expr], p[0])

    @rule("path : path FILTER_OPEN expr CLOSE")
    def filter_segment(self, p: Any) -> ast.FilterSegment:
        return ast.FilterSegment(p[0], p[2], p[1][1])

    @rule("term : path COUNT")
    def count(self, p: Any) -> ast.Count:
        return ast.Count(p[0], None, p[1][1])

    @rule("term : path COUNT_OPEN options CLOSE")
    def count_options(self, p: Any) -> ast.Count:
        allowed = options.ALLOWED["count segment"]
        found = nodes.options_of(p[2], allowed, "/$count", has_aliases=False)
        return ast.Count(p[0], found, p[1][1])

    @rule("term : path SLASH LAMBDA expr CLOSE")
    def lambda_expression(self, p: Any) -> ast.Lambda:
        return nodes.lambda_(p[0], p[2], p[3])

    @rule("term : path SLASH LAMBDA CLOSE")
    def empty_lambda(self, p: Any) -> ast.Lambda:
        return nodes.lambda_(p[0], p[2], None)

    @rule("term : path AGGREGATE_OPEN aggregate_body CLOSE")
    def aggregation(self, p: Any) -> ast.Aggregation:
        return ast.Aggregation(p[0], nodes.aggregate_function(p[2]), p[1][1])

    # --- $apply (Data Aggregation ABNF, section 2)

    @rule("sequence : steps")
    def sequence(self, p: Any) -> ast.Sequence:
        return ast.Sequence(tuple(p[0]), None, p[0][0].at)

    @rule("aliased : steps AS NAME")
    def aliased(self, p: Any) -> ast.Sequence:
        return ast.Sequence(tuple(p[0]), nodes.identifier(p[2]), p[0][0].at)

    @rule("step : T_IDENTITY")
    def identity(self, p: Any) -> ast.Transformation:
        return ast.Transformation("identity", (), p[0][1])

    @rule(
        "step : T_AGGREGATE aggregates CLOSE",
        "step : T_COMPUTE compute CLOSE",
        "step : T_CONCAT sequences CLOSE",
        "step : T_ORDERBY orderby CLOSE",
        "step : T_NEST aliased_list CLOSE",
        "step : T_CUSTOM argument_list CLOSE",
    )
    def step_of_list(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], p[1])

    @rule(
        "step : T_FILTER expr CLOSE", "step : T_SEARCH search CLOSE", "step : T_PAGE literal CLOSE"
    )
    def step_of_one(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1]])

    @rule("step : T_RANK expr COMMA expr CLOSE")
    def step_of_two(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], p[3]])

    @rule("step : T_GROUPBY group_items CLOSE CLOSE", "step : T_JOIN compute_item CLOSE")
    def groupby(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], p[1] if isinstance(p[1], list) else [p[1]])

    @rule("step : T_GROUPBY group_items CLOSE COMMA sequence CLOSE")
    def groupby_steps(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [*p[1], p[4]])

    @rule("step : T_JOIN compute_item COMMA sequence CLOSE")
    def join(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], p[3]])

    @rule("step : T_ADDNESTED path COMMA aliased_list CLOSE")
    def addnested(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], *p[3]])

    @rule("step : T_RELATIVES hierarchy COMMA sequence CLOSE")
    def relatives(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], p[3]])

    @rule(
        "step : T_RELATIVES hierarchy COMMA sequence COMMA literal CLOSE",
        "step : T_RELATIVES hierarchy COMMA sequence COMMA keep CLOSE",
    )
    def relatives_more(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], p[3], p[5]])

    @rule("step : T_RELATIVES hierarchy COMMA sequence COMMA literal COMMA keep CLOSE")
    def relatives_all(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], p[3], p[5], p[7]])

    @rule("keep : KEEP")
    def keep(self, p: Any) -> bool:
        return True

    @rule("step : T_TRAVERSE hierarchy COMMA NAME CLOSE")
    def traverse(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], nodes.traversal(p[3])])

    @rule(
        "step : T_TRAVERSE hierarchy COMMA NAME COMMA sequence CLOSE",
        "step : T_TRAVERSE hierarchy COMMA NAME COMMA orderby CLOSE",
    )
    def traverse_more(self, p: Any) -> ast.Transformation:
        more = p[5] if isinstance(p[5], list) else [p[5]]
        return nodes.transformation(p[0], [p[1], nodes.traversal(p[3]), *more])

    @rule("step : T_TRAVERSE hierarchy COMMA NAME COMMA sequence COMMA orderby CLOSE")
    def traverse_all(self, p: Any) -> ast.Transformation:
        return nodes.transformation(p[0], [p[1], nodes.traversal(p[3]), p[5], *p[7]])

    @rule("hierarchy : path COMMA NAME COMMA path")
    def hierarchy(self, p: Any) -> ast.Hierarchy:
        return ast.Hierarchy(p[0], nodes.identifier(p[2]), nodes.property_path(p[4]), p[0].at)

    @rule("group_item : path")
    def group_path(self, p: Any) -> ast.Expr:
        return nodes.property_path(p[0])

    @rule("group_item : T_ROLLUP paths CLOSE")
    def rollup(self, p: Any) -> ast.Rollup:
        return ast.Rollup(nodes.rollup_paths(p[1]), p[0][1])

    @rule("group_item : T_ROLLUPRECURSIVE hierarchy CLOSE")
    def rollup_recursive(self, p: Any) -> ast.RollupRecursive:
        return ast.RollupRecursive(p[1], (), p[0][1])

    @rule("group_item : T_ROLLUPRECURSIVE hierarchy COMMA steps CLOSE")
    def rollup_recursive_steps(self, p: Any) -> ast.RollupRecursive:
        return ast.RollupRecursive(p[1], tuple(p[3]), p[0][1])

    @rule("aggregate : expr")
    def custom_aggregate(self, p: Any) -> ast.AggregateItem:
        return nodes.custom_aggregate(p[0])

    @rule("aggregate : aggregate_body AS NAME")
    def aggregate(self, p: Any) -> ast.AggregateItem:
        return nodes.aggregate(p[0], nodes.identifier(p[2]), p[2][1])

    @rule("aggregate_body : expr", "aggregate_body : DOLLAR_COUNT")
    def aggregate_plain(self, p: Any) -> ast.AggregateItem:
        if isinstance(p[0], tuple):
            return ast.AggregateItem(None, at=p[0][1])
        return ast.AggregateItem(p[0], at=p[0].at)

    @rule("aggregate_body : expr WITH NAME")
    def aggregate_with(self, p: Any) -> ast.AggregateItem:
        return ast.AggregateItem(p[0], nodes.method(p[2]), at=p[0].at)

    @rule("aggregate_body : aggregate_body FROM paths")
    def aggregate_from(self, p: Any) -> ast.AggregateItem:
        return nodes.add_source(p[0], p[1], p[2], None)

    @rule("aggregate_body : aggregate_body FROM paths WITH NAME")
    def aggregate_from_with(self, p: Any) -> ast.AggregateItem:
        return nodes.add_source(p[0], p[1], p[2], nodes.method(p[4]))

    # --- errors

    def error(self, token: Any) -> NoReturn:
        raise unexpected(
            token,
            next(cast(Iterator[Any], self.tokens), None),
            frozenset(self._lrtable.lr_action[self.state]),
        )
