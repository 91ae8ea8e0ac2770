"""What is shown as null is null everywhere: in answers, conditions, orders, pages, groups, aggregates, links.

Two databases have the same rows, but where one has values that OData has not (infinite times, 24:00, a decimal that is NaN, a JSON string with
a NUL), the other has NULL. Whatever is asked, both answer with the same bytes. In a third database the columns are NOT NULL and have an index
each, and no value is NULL: every null is another value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.harness import own_model, tokens
from tests.harness.cluster import READER, Cluster
from tests.harness.gateway import Gateway, start_gateway

TIME_PARTS = ("year({0}) eq 2021", "month({0}) ne 3", "day({0}) gt 5", "hour({0}) le 9", "minute({0}) eq null", "second({0}) lt 50",
              "fractionalseconds({0}) eq 0", "date({0}) eq 2021-11-05", "date({0}) ne null", "date({0}) lt 2030-01-01", "date({0}) gt 1999-01-01",
              "time({0}) gt 01:00", "totaloffsetminutes({0}) eq 0", "{0} lt now()", "{0} gt now() sub duration'P90000D'", "{0} le maxdatetime()",
              "{0} ge mindatetime()", "{0} add duration'P1D' gt {1}", "{0} sub duration'P1D' eq null", "{0} sub {0} eq duration'PT0S'",
              "{0} sub parent/{0} ge duration'PT0S'", "cast({0},Edm.Date) eq null", "cast({0},Edm.TimeOfDay) ne null")  # fmt: skip
DAY_PARTS = ("year({0}) eq 2021", "month({0}) ne 3", "day({0}) gt 5", "{0} add duration'P1D' gt {1}", "{0} sub {0} eq duration'PT0S'",
             "{0} sub duration'P1D' eq null", "cast({0},Edm.DateTimeOffset) eq null", "cast({0},Edm.DateTimeOffset) gt 2000-01-01T00:00:00Z")  # fmt: skip
CLOCK_PARTS = ("hour({0}) gt 9", "minute({0}) eq 0", "second({0}) ne 1", "fractionalseconds({0}) eq null", "hour({0}) eq null")
NUMBERS = ("{0} add 1 gt 0", "{0} sub 1 ne 5", "{0} mul 2 eq null", "{0} div 2 ge 1", "{0} divby 2 lt 100", "{0} mod 2 eq 1", "-{0} lt 0", "-{0} eq null",
           "round({0}) eq 2", "floor({0}) eq null", "ceiling({0}) ne null", "{0} lt INF", "{0} gt -INF", "{0} eq INF", "{0} ne NaN", "{0} eq NaN",
           "{0} le INF", "{0} ge 1e0", "{0} in (INF,1.5)", "{0} lt id", "{0} gt id divby 3e0", "1 divby {0} gt 0", "{0} divby 0 eq null", "{0} divby 0 ge 1",
           "cast({0},Edm.Int32) eq null", "cast({0},Edm.Double) lt 1e3", "cast({0},Edm.Double) eq null", "0 lt {0}", "id mul {0} ge 1")  # fmt: skip
SPANS = ("totalseconds({0}) gt 5", "totalseconds({0}) eq null", "{0} add {0} gt {1}", "-{0} lt {1}", "{0} mul 2 ne null", "moment add {0} eq null",
         "moment add {0} gt 2020-01-01T00:00:00Z")  # fmt: skip
TEXTS = ("contains({0},'a')", "not contains({0},'a')", "startswith({0},'a')", "endswith({0},'z')", "length({0}) eq 1", "length({0}) ge 0", "indexof({0},'a') eq 0",
         "substring({0},1) eq ''", "tolower({0}) eq 'a'", "toupper({0}) ne 'A'", "trim({0}) eq null", "concat({0},'x') eq null", "concat('x',{0}) ne 'xa'",
         "matchesPattern({0},'^a')", "contains({0},{0})", "'a' lt {0}", "'a' ge {0}", "{0} eq concat('','a')", "substring({0},0,1) eq {0}")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A column: its type in Postgres, its declaration; values in SQL that OData has, the others; three values as literals; conditions."""

    pg_type: str
    edm: str
    values: tuple[str, ...]
    nulls: tuple[str, ...]
    literals: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    is_summed: bool = False

    def value(self, number: int, *, is_null: bool, write_null: bool, always: bool) -> str:
        """The value of a row: NULL for a null in the plain database, which is also in every fourth row of the first."""
        if not is_null:
            return self.values[number % len(self.values)]
        if write_null or (number % 4 == 3 and not always):
            return "NULL"
        return self.nulls[number % len(self.nulls)]


INFINITE = ("'infinity'", "'-infinity'")
TIMES = ("'2021-11-05 10:11:12.25'", "'2021-11-05'", "'0044-03-15 BC'")
KINDS = {
    "moment": Kind("timestamp", "DateTimeOffset", TIMES, INFINITE,
                   ("2021-11-05T10:11:12.25Z", "1900-01-01T00:00:00Z", "2021-11-05T00:00:00Z"), TIME_PARTS),
    "zoned": Kind("timestamptz", "DateTimeOffset", TIMES, INFINITE,
                  ("2021-11-05T10:11:12.25Z", "1900-01-01T00:00:00Z", "2021-11-05T00:00:00Z"), TIME_PARTS),
    "day": Kind("date", "Date", ("'2021-11-05'", "'0044-03-15 BC'", "'2024-02-29'"), INFINITE, ("2021-11-05", "1900-01-01", "2024-02-29"), DAY_PARTS),
    "clock": Kind("time", "TimeOfDay", ("'10:11:12.25'", "'00:00'", "'23:59:59.999999'"), ("'24:00'",), ("10:11:12.25", "00:00:00", "23:59:59.999999"), CLOCK_PARTS),
    "exact": Kind("numeric", "Decimal", ("1.5", "3", "-7.25"), ("'NaN'", "'Infinity'", "'-Infinity'"), ("1.5", "3", "0"), NUMBERS, is_summed=True),
    "scaled": Kind("numeric(10,2)", "Decimal", ("1.5", "3", "-7.25"), ("'NaN'",), ("1.5", "3", "0"), NUMBERS, is_summed=True),
    "doc": Kind("json", "String", ("'\"a\"'", "'{\"a\":\"\\u0000\"}'", "'\"\\\\u0000 a\"'", "'\"\\ud83d\\ude00\"'", "'[1, 2]'"),
                ("'null'", "'\"a\\u0000b\"'", "' \"\\u0000\"'", "'\"\\ud83d\"'", "'\"\\ude00\\ud83d\"'", "'\"a\\\\\\u0000\"'"), ("'a'", "'b'", "''"), TEXTS),
    "docb": Kind("jsonb", "String", ("'\"a\"'", "'{\"a\": 1}'", "'\"z\"'"), ("'null'",), ("'a'", "'b'", "''"), TEXTS),
}  # fmt: skip
SPAN = Kind("interval", "Duration", ("'1 day 02:00'", "'-1.5 seconds'", "'1 month'"), INFINITE,
            ("duration'P1DT2H'", "duration'PT0S'", "duration'-PT1.5S'"), SPANS)  # fmt: skip
ROWS = 12

# {0} is the column, {1} to {3} are values.
CONDITIONS = (
    "{0} eq null", "{0} ne null", "null eq {0}", "not ({0} eq null)", "{0} lt null", "{0} ge null", "{0} eq {1}", "{0} ne {1}", "not ({0} eq {1})",
    "not ({0} ne {1})", "{0} lt {1}", "{0} le {1}", "{0} gt {1}", "{0} ge {1}", "not ({0} lt {1})", "not ({0} ge {1})", "{2} lt {0}", "{2} ge {0}",
    "{0} in ({1},{2})", "not ({0} in ({1},{2}))", "{0} in (null)", "{0} in ({1},null)", "{0} in [{0},{1}]", "{0} eq {0}", "{0} ne {0}", "{0} le {0}",
    "{0} lt {0}", "{0} eq parent/{0}", "{0} ne parent/{0}", "{0} lt parent/{0}", "{0} ge parent/{0}", "parent/{0} eq null", "parent/{0} ne null",
    "parent/{0} eq {1}", "parent/{0} gt {2}", "children/any(c:c/{0} eq null)", "children/any(c:c/{0} gt {2})", "children/all(c:c/{0} ne {1})",
    "children/all(c:c/{0} ne null)", "children/any(c:c/{0} eq {0})", "children/any(c:c/{0} lt {0})", "children/$count($filter={0} eq null) gt 0",
    "case({0} eq null:1,true:0) eq 1", "case({0} gt {2}:{0}) eq null", "isof({0},Edm.{4})", "cast({0},Edm.String) eq null", "cast({0},Edm.String) ne 'x'",
    "length(cast({0},Edm.String)) gt 0", "cast(cast({0},Edm.String),Edm.{4}) eq {0}", "[{0},{1}] eq [null,{1}]", "hassubset([{0}],[{1}])",
    "hassubset([{0},{1}],[null])", "{0} eq null or {0} gt {2}", "{0} ne {1} and {0} ne {2}", "({0} lt {1}) eq false", "({0} eq null) eq true",
    "{0} eq @p", "{0} ne @p", "id add case({0} ge {2}:100,true:0) gt 50",
)  # fmt: skip
QUERIES = (
    "Odd", "Odd?$select=id,{0}", "Odd?$orderby={0}", "Odd?$orderby={0} desc", "Odd?$orderby={0},id desc", "Odd?$orderby={0} desc,id desc",
    "Odd?$orderby=flag,{0} desc", "Odd?$orderby=flag desc,{0}", "Odd?$orderby=parent/{0},{0} desc", "Odd?$orderby=parent/{0} desc",
    "Odd?$orderby={0} eq null,{0} gt {2}", "Odd?$orderby={0}&$skip=3&$top=7", "Odd?$orderby={0}&$skip=9223372036854775807", "Odd?$orderby={0} desc&$skip=4&$filter=parent/flag", "Odd?$orderby={0} desc&$filter={0} ge {2}", "Odd?$orderby={0}&$filter={0} ne {1}",
    "Odd?$orderby={0} desc&$filter={0} eq null", "Odd?$orderby={0}&$filter={0} ne null", "Odd?$orderby={0}&$filter=parent/flag", "Odd(1)/children?$orderby={0} desc",
    "Odd?$compute=case({0} ge {2}:{0}) as x&$select=id,x&$orderby=x desc", "Odd?$compute=cast({0},Edm.String) as x&$select=id,x&$orderby=x",
    "Odd?$compute={0} eq null as x&$select=id,x&$filter=x", "Odd?$select=id&$expand=children($select=id,{0};$orderby={0} desc)",
    "Odd?$select=id&$expand=children($select=id;$filter={0} eq null;$orderby={0};$count=true)", "Odd?$select=id&$expand=children($select=id;$filter={0} lt {1})",
    "Odd?$select=id&$expand=children($select=id;$orderby={0},id desc;$skip=1)", "Odd?$select=id,{0}&$expand=parent($select={0})",
    "Odd?$filter={0} eq null&$count=true&$top=2&$select=id", "Odd/$count?$filter={0} eq null", "Odd/$count?$filter={0} gt {2}", "Odd/$filter({0} lt {1})?$select=id",
    "Odd?$apply=groupby(({0}))", "Odd?$apply=groupby(({0}),aggregate($count as n,id with sum as s))&$orderby={0} desc", "Odd?$apply=groupby((parent/{0},{0}))",
    "Odd?$apply=groupby((flag),aggregate({0} with countdistinct as n))", "Odd?$apply=groupby((flag,{0}))/groupby((flag),aggregate($count as n))",
    "Odd?$apply=aggregate({0} with min as a)", "Odd?$apply=aggregate({0} with max as a)", "Odd?$apply=aggregate({0} with max as a,{0} with min as b)",
    "Odd?$apply=aggregate({0} with min as a,$count as n,{0} with countdistinct as d)", "Odd?$apply=groupby((flag),aggregate({0} with max as a,{0} with min as b))",
    "Odd?$apply=aggregate(parent/{0} with max as a)", "Odd?$apply=aggregate(children/{0} with min as a)", "Odd?$apply=filter({0} ne null)/aggregate($count as n)",
    "Odd?$apply=filter({0} eq null)/groupby(({0},flag))", "Odd?$apply=compute(case({0} ge {2}:{0}) as x)/groupby((x))", "Odd?$apply=groupby((rollup(flag,{0})))",
    "Odd?$apply=concat(groupby(({0})),aggregate({0} with max as a))", "Odd?$apply=orderby({0} desc)/top(5)", "Odd?$apply=orderby({0})/skip(3)/top(4)",
    "Odd?$apply=topcount(3,id)/groupby(({0}))", "Odd?$apply=join(children as c)/groupby((c/{0}))", "Odd?$apply=outerjoin(children as c)/groupby(({0},c/{0}))",
    "Odd?$apply=groupby(({0}),topcount(1,id))", "Odd?$apply=groupby(({0}))/filter({0} eq null)/aggregate($count as n)",
    "Odd?$apply=groupby(({0}),aggregate($count as n))/orderby({0} desc)/top(2)", "$crossjoin(Odd,Twin)?$filter=Odd/{0} eq Twin/{0} and Odd/id lt 6&$count=true",
    "$crossjoin(Odd,Twin)?$filter=Odd/{0} lt Twin/{0} and Twin/id lt 5&$orderby=Twin/{0} desc,Odd/{0}", "$crossjoin(Odd,Twin)?$filter=Odd/{0} eq null and Twin/id eq 2",
    *(f"Odd({number})/{{0}}" for number in range(1, 8)), *(f"Odd({number})/{{0}}/$value" for number in range(1, 8)), "Odd(2)/parent/{0}", "Odd(3)/parent/{0}/$value",
)  # fmt: skip
SUMS = ("Odd?$apply=aggregate({0} with sum as s,{0} with average as a)", "Odd?$apply=groupby((flag),aggregate({0} with sum as s))",
        "Odd?$apply=topsum(3,{0})", "Odd?$apply=bottomsum(3,{0})", "Odd?$apply=toppercent(50,{0})", "Odd?$apply=topcount(4,{0})", "Odd?$apply=bottomcount(4,{0})",
        "Odd?$orderby={0} divby 2 desc,id", "Odd?$orderby=1 divby ({0} sub 3)", "Odd?$compute={0} divby 0 as x&$select=id,x&$orderby=x",
        "Odd?$apply=groupby((flag),aggregate({0} divby 0 with max as m))", "Odd?$apply=compute(id divby (id sub 3) as x)/groupby((x))")  # fmt: skip
MORE = ("Odd?$apply=topcount(4,{0})", "Odd?$apply=bottomcount(4,{0})")


def model() -> dict[str, object]:
    kinds = {**KINDS, "span": SPAN}
    declared = {name: {"$Type": f"Edm.{kind.edm}", "$Nullable": True} for name, kind in kinds.items()}
    for name in ("exact", "scaled"):
        declared[name]["$Scale"] = "variable"
    for name in ("moment", "zoned", "clock", "span"):
        declared[name]["$Precision"] = 6
    types = {}
    for name in ("Odd", "Twin"):
        types[name] = {
            "$Kind": "EntityType", "$Key": ["id"], "@Gateway.Table": "public.odd", "@Gateway.Unscoped": True, "id": {"$Type": "Edm.Int32"},
            "flag": {"$Type": "Edm.Boolean", "$Nullable": True}, "parent_id": {"$Type": "Edm.Int32", "$Nullable": True}, **declared,
            "parent": {"$Kind": "NavigationProperty", "$Type": f"Odd.{name}", "$Nullable": True, "$Partner": "children",
                       "$ReferentialConstraint": {"parent_id": "id"}},
            "children": {"$Kind": "NavigationProperty", "$Type": f"Odd.{name}", "$Collection": True, "$Partner": "parent"},
        }  # fmt: skip
    sets = {
        name: {
            "$Collection": True,
            "$Type": f"Odd.{name}",
            "$NavigationPropertyBinding": {"parent": name, "children": name},
        }
        for name in types
    }
    container = {"$Kind": "EntityContainer", **tokens.TABLES, **sets}
    return {"$Version": "4.01", "$EntityContainer": "Odd.Service", "Odd": {**types, "Service": container}}


def script(kinds: dict[str, Kind], *, write_null: bool = False, is_filled: bool = False) -> str:
    """The table: nulls as NULL, or as other values; `is_filled` has no NULL at all, and an index for each column."""
    needed = " NOT NULL" if is_filled else ""
    columns = ", ".join(f"{name} {kind.pg_type}{needed}" for name, kind in kinds.items())
    rows = []
    for number in range(1, ROWS + 1):
        values = (
            kind.value(number // 2 + at, is_null=(number + at) % 3 == 0, write_null=write_null, always=is_filled)
            for at, kind in enumerate(kinds.values())
        )
        parent = "NULL" if number == 1 else str(number // 3 + 1)
        rows.append(f"INSERT INTO odd VALUES ({number}, {number % 2 == 0}, {parent}, {', '.join(values)});")
    indexes = [f"CREATE INDEX ON odd ({name}, id);" for name, kind in kinds.items() if is_filled and "json" not in kind.pg_type]
    table = f"CREATE TABLE odd (id integer PRIMARY KEY, flag boolean, parent_id integer, {columns});"
    return "\n".join([table, *rows, *indexes, f"GRANT SELECT ON odd TO {READER};"])


@dataclass(frozen=True)
class Three:
    """The same rows with nulls of OData's only, with others too, and with others only."""

    kinds: dict[str, Kind]
    plain: Gateway
    odd: Gateway
    filled: Gateway


@pytest.fixture(scope="module")
def three(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    path: Path = tmp_path_factory.mktemp("nulls") / "model.json"
    path.write_text(json.dumps(model()))
    version = int(cluster.psql("postgres", "SHOW server_version_num").strip())
    span = SPAN if version >= 170000 else Kind(SPAN.pg_type, SPAN.edm, SPAN.values, SPAN.values, SPAN.literals)
    kinds = {**KINDS, "span": span}
    with ExitStack() as stack:
        found = []
        for name, options in {"plain": {"write_null": True}, "odd": {}, "filled": {"is_filled": True}}.items():
            database = f"nulls_{name}"
            cluster.load(database)
            stack.callback(cluster.psql, "postgres", f"DROP DATABASE {database} WITH (FORCE)")
            cluster.psql(database, script(kinds, **options))
            dsn = cluster.dsn(user=READER, database=database)
            found.append(stack.enter_context(start_gateway(ODATA_DSN=dsn, ODATA_MODEL=str(path), ODATA_PAGE_ROWS="1000")))
        yield Three({name: kind for name, kind in kinds.items() if kind.nulls != kind.values}, *found)


def answer(gateway: Gateway, target: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status and the body, without the port; next links are followed, and their tokens are left out."""
    text, link, status, pages = "", target, 0, 0
    while link:
        pages += 1
        assert pages < 500, f"the pages of {target} have no end"
        reply = gateway.get(link, headers=headers)
        status, body = reply.status, reply.body.decode().replace(gateway.origin, "")
        if status == 200 and "/$value" not in target and "/$count" not in target:
            json.loads(body)
        found = re.search(r'"@odata.nextLink":"([^"]*)"\}$', body)
        link = "" if found is None else gateway.origin + found[1]
        text += re.sub(r"skiptoken=[^&\"]*", "skiptoken=", body) + "\n"
    return status, text


def filled(template: str, name: str, kind: Kind) -> str:
    return template.format(name, *kind.literals, kind.edm)


def conditions(name: str, kind: Kind) -> Iterator[str]:
    """Each condition as a filter, where null may stand for false; and as a value, where it may not, several in a request."""
    texts = [filled(condition, name, kind) for condition in (*CONDITIONS, *kind.conditions)]
    alias = f"&@p={kind.literals[0]}"
    for text in texts:
        yield f"Odd?$select=id&$filter={text}{alias if '@p' in text else ''}"
    for start in range(0, len(texts), 9):
        some = list(enumerate(texts[start : start + 9]))
        compute = ",".join(f"{text} as x{number}" for number, text in some)
        names = [f"x{number}" for number, _ in some]
        yield f"Odd?$select=id,{','.join(names)}&$compute={compute}&$orderby={' desc,'.join(names)}{alias}"


def queries(name: str, kind: Kind) -> Iterator[str]:
    for query in (*QUERIES, *(SUMS if kind.is_summed else MORE if kind.edm != "String" else ())):
        yield filled(query, name, kind)


def check(three: Three, targets: Iterator[str], headers: Mapping[str, str]) -> None:
    """The three databases answer alike, and nothing is refused."""
    refused, wrong = [], []
    for target in targets:
        wanted = answer(three.plain, target, headers)
        if wanted[0] not in (200, 204):
            refused.append((target, wanted))
        wrong += [(target, wanted, got) for other in (three.odd, three.filled) if (got := answer(other, target, headers)) != wanted]
    assert refused == []
    assert wrong == []


FULL = {"Prefer": "maxpagesize=3,omit-values=nulls", "Accept": "application/json;odata.metadata=full;IEEE754Compatible=true"}


@pytest.mark.parametrize("name", [*KINDS, "span"])
def test_a_value_that_odata_has_not_is_null_in_conditions(three, name):
    if name in three.kinds:  # older versions of Postgres have no infinite intervals
        check(three, conditions(name, three.kinds[name]), {})


@pytest.mark.parametrize("name", [*KINDS, "span"])
def test_a_value_that_odata_has_not_is_null_in_rows_orders_and_groups(three, name):
    if name in three.kinds:
        check(three, queries(name, three.kinds[name]), {})


@pytest.mark.parametrize("name", [*KINDS, "span"])
def test_pages_neither_lose_nor_repeat_rows_with_values_that_odata_has_not(three, name):
    if name in three.kinds:
        kind = three.kinds[name]
        check(three, (query for query in queries(name, kind) if "order" in query and "$top" not in query), {"Prefer": "maxpagesize=1"})
        check(three, (filled(query, name, kind) for query in QUERIES if "expand" in query or "desc,id" in query), FULL)


# The values of a key: two that OData has, and one that it has not.
KEYS = {"tz": ("timestamptz", "DateTimeOffset", "'2021-11-05'", "'2021-11-06'", "'infinity'"), "ts": ("timestamp", "DateTimeOffset", "'2021-11-05'", "'2021-11-06'", "'-infinity'"),
        "day": ("date", "Date", "'2021-11-05'", "'2021-11-06'", "'infinity'"), "clock": ("time", "TimeOfDay", "'00:00'", "'12:00'", "'24:00'"),
        "exact": ("numeric", "Decimal", "1", "2.5", "'NaN'")}  # fmt: skip


def test_a_key_that_odata_has_not_is_a_null_key(cluster, scratch, scratch_reader_dsn, gateways, tmp_path):
    """Such a row can have no id: the request that meets it fails and names the key, wherever the row stands in the order."""
    types = {name: own_model.entity("k", {"k": f"{edm}", "v": "String?"}, name) for name, (_, edm, *_) in KEYS.items()}
    tables = "".join(
        f"CREATE TABLE own.{name} (k {pg_type} PRIMARY KEY, v text); INSERT INTO own.{name} VALUES ({one}, 'a'), ({two}, 'b'), ({none}, 'c');"
        for name, (pg_type, _, one, two, none) in KEYS.items()
    )
    cluster.psql(
        scratch, f"CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO {READER}; {tables} GRANT SELECT ON ALL TABLES IN SCHEMA own TO {READER};"
    )
    gateway = own_model.serve(gateways, tmp_path, scratch_reader_dsn, types)
    for name in KEYS:
        for target in (f"{name}s", f"{name}s?$orderby=v", f"{name}s?$filter=v eq 'c'", f"{name}s/$count"):
            reply = gateway.get(target)
            assert (reply.status, reply.json()["error"]["code"]) == (500, "Db.Key"), (target, reply.body)
            assert f"{name}s.k" in reply.json()["error"]["message"].split(), (target, reply.body)
        shown = [row["v"] for page in gateway.pages(f"{name}s?$filter=v ne 'c'", headers={"Prefer": "maxpagesize=1"}) for row in page]
        assert shown == ["a", "b"], name


@pytest.mark.parametrize(
    "computed",
    [
        "1 divby 0", "-1.5 divby 0", "0 divby 0", "id divby (id sub id)", "round(1 divby 0)", "1 add (1 divby 0)", "cast(1 divby 0,Edm.Double)", "1.5 divby 0.0",
        "cast(INF,Edm.Decimal)", "cast(cast(title,Edm.Double),Edm.Decimal)", "cast(1e0 divby 0,Edm.Decimal)", "year(cast('infinity',Edm.DateTimeOffset))",
        "cast(concat('infin','ity'),Edm.DateTimeOffset)", "cast(concat('24:','00'),Edm.TimeOfDay)", "cast(concat('Na','N'),Edm.Decimal)",
    ],
)  # fmt: skip
def test_a_computed_value_that_odata_has_not_is_null_everywhere(gateway, computed):
    every = gateway.get("Label?$select=id").rows
    ids = [row["id"] for row in every]
    rows = gateway.get(f"Label?$compute={computed} as x&$select=id,x&$orderby=x desc").rows
    assert [(row["id"], row["x"]) for row in rows] == [(id_, None) for id_ in ids]
    for condition in (
        f"{computed} eq null",
        f"null eq {computed}",
        f"not ({computed} ne null)",
        f"({computed} eq 5) eq false" if "Time" not in computed else "true",
    ):
        assert gateway.get(f"Label?$select=id&$filter={condition}").rows == every, condition
    for apply in (f"compute({computed} as x)/groupby((x),aggregate($count as n))", f"aggregate({computed} with max as x,$count as n)"):
        assert [(row["x"], row["n"]) for row in gateway.get(f"Label?$apply={apply}").rows] == [(None, len(ids))], apply
    paged = gateway.pages(f"Label?$select=id&$orderby={computed} desc", headers={"Prefer": "maxpagesize=1"})
    assert [row["id"] for page in paged for row in page] == ids


def test_a_text_just_before_midnight_is_cast_to_the_last_microsecond(gateway):
    for text in ("'23:59:59.9999999'", "concat('23:59:59.','9999999')"):
        [row, *_] = gateway.get(f"Label?$compute=cast({text},Edm.TimeOfDay) as x&$select=x&$filter=cast({text},Edm.TimeOfDay) ne null").rows
        assert row["x"] == "23:59:59.999999", text
