"""$apply over several accounts on a sharded database, type by type: what is made of the partial rows of each account is what one statement makes of
all rows. One Postgres plays all servers; tests/scale has Citus.
"""

from __future__ import annotations

import json

from tests.harness import own_model, tokens

TABLE = """
CREATE SCHEMA own;
CREATE EXTENSION citext;
CREATE TYPE own.mood AS ENUM ('zoo', 'bee', 'ant');
CREATE TABLE own.part (id int8 PRIMARY KEY, account_id int8 NOT NULL, n int2, i int4, l int8, d numeric(20,5), f float8, r float4, s text,
    c citext, w text COLLATE "C", q citext, u uuid, b bool, day date, at timestamptz, tod time, mood own.mood);
INSERT INTO own.part SELECT k, 1 + k % 3, k % 7, k, 9223372036854775807 - k, k / 8.0, k / 4.0, k / 2.0, 'x' || k % 5,
    (ARRAY['b', 'A', 'C'])[1 + k % 4], (ARRAY['b', 'A', 'C'])[1 + k % 4], (ARRAY['QU', 'qu'])[1 + k % 2],
    md5((k % 9)::text)::uuid, k % 2 = 0, date '2020-01-01' + k % 11, timestamptz '2021-01-01' + k % 13 * interval '1 day 00:00:00.000001',
    time '10:00' + k % 6 * interval '1 min', (enum_range(NULL::own.mood))[1 + k % 3] FROM generate_series(1, 90) AS k;
INSERT INTO own.part (id, account_id) VALUES (101, 1), (102, 2);
INSERT INTO own.part (id, account_id, d, f, at, day, tod) VALUES (103, 1, 'NaN', 1e300, 'infinity', '-infinity', '24:00'), (104, 2, 7, 1e301, '-infinity',
    'infinity', '00:00'), (105, 3, 7, 1, now(), now(), now());
GRANT USAGE ON SCHEMA own TO odata_reader;
GRANT SELECT ON own.part TO odata_reader;
"""
TYPES = {
    "n": "Int16?", "i": "Int32?", "l": "Int64?", "d": "Decimal?", "f": "Double?", "r": "Single?", "s": "String?", "c": "String?", "w": "String?",
    "u": "Guid?", "b": "Boolean?", "day": "Date?", "at": "DateTimeOffset?", "tod": "TimeOfDay?", "mood": "String?",
}  # fmt: skip
NUMBERS = ("n", "i", "l", "d", "f", "r")
ASKED = [
    *(f"Parts?$apply=aggregate({c} with sum as S,{c} with average as A,{c} with min as X,{c} with max as Y)" for c in NUMBERS),
    *(f"Parts?$apply=groupby(({c}),aggregate($count as K,{c} with min as X,id with max as Y))&$orderby={c} desc" for c in TYPES),
    *(f"Parts?$apply=aggregate({c} with countdistinct as K,id with countdistinct as Z)" for c in ("q", *TYPES)),
    *(f"Parts?$apply=topcount(5,{c})/aggregate({c} with max as M,$count as K)" for c in TYPES),
    "Parts?$apply=filter(id lt 0)/aggregate(i with sum as S,i with average as A,$count as K,s with countdistinct as D,f with average as F)",
    "Parts?$apply=filter(id lt 0)/groupby((s),aggregate(i with sum as S2))", "Parts?$apply=groupby((s,n))/groupby((s),aggregate($count as K))",
    "Parts?$apply=groupby((s),aggregate(l with sum as T))/filter(T gt 5)/orderby(T desc)/skip(1)/top(2)/compute(T mul 2 as U)",
    "Parts?$apply=groupby((c),aggregate(w with countdistinct as K))/groupby((K),aggregate(c with max as M,$count as N))",
    "Parts?$apply=groupby((mood),topcount(2,d))&$select=id,mood", "Parts?$apply=toppercent(30,i)&$select=id", "Parts?$apply=bottomsum(40,i)&$select=id",
    "Parts?$apply=groupby((b),topsum(60,n)/aggregate($count as K,n with sum as S))", "Parts?$apply=concat(aggregate(d with sum as S),groupby((mood)))",
    "Parts?$apply=groupby((rollup(mood,s)),aggregate(f with sum as T))&$orderby=mood,s", "Parts?$apply=compute(i mul 2 as J)/groupby((J))&$top=3",
    "Parts?$apply=groupby((account_id,s),aggregate(c with countdistinct as K))", "Parts?$apply=skip(80)&$select=id", "Parts?$apply=top(7)/skip(2)",
    "Parts?$apply=aggregate(i with max from n with sum as T,$count as K)", "Parts/$count?$apply=groupby((s,mood))",
    "Parts?$apply=groupby((s),aggregate($count as K))&$filter=K gt 1&$count=true&$top=2&$skip=1",
]  # fmt: skip


def whole(gateway, target):
    """The statuses and bodies of all pages, without what names the gateway."""
    found, link = [], target
    while link:
        reply = gateway.get(link, token=tokens.BOTH_ADMIN)
        found.append((reply.status, reply.body.replace(gateway.origin.encode(), b"")))
        link = json.loads(reply.body).get("@odata.nextLink") if reply.status == 200 and reply.body[:1] == b"{" else None
    return found


def test_every_type_is_aggregated_as_in_one_statement(cluster, scratch, scratch_reader_dsn, gateways, tmp_path):
    cluster.psql(scratch, TABLE)
    types = {"Part": own_model.entity("id", {"id": "Int64", "account_id": "Int64", "q": "String?", **TYPES}, "part", Account="account_id")}
    sharded, plain = (
        own_model.serve(gateways, tmp_path, scratch_reader_dsn, types, ODATA_SHARDED=each, ODATA_PAGE_ROWS="20")
        for each in ("true", "false")
    )
    for target in ASKED:
        expected = whole(plain, target)
        assert expected[0][0] == 200 and whole(sharded, target) == expected, target
