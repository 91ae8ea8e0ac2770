"""A law for session settings: whatever a role has set (ALTER ROLE ... SET), one setting at a time, no byte of an answer changes.

Over columns of every type, directly and as behind a pooler, where settings last for a transaction only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from odata_gateway.db.settings import DatabaseSettings
from tests.harness.cluster import READER, Cluster
from tests.harness.inside import Inside, inside
from tests.harness.kinds import BY_NAME, KINDS, kinds_database

SETTINGS = (
    ("standard_conforming_strings", "off"), ("backslash_quote", "on"), ("escape_string_warning", "off"), ("DateStyle", "'SQL, DMY'"), ("DateStyle", "German"),
    ("IntervalStyle", "iso_8601"), ("IntervalStyle", "sql_standard"), ("TimeZone", "'Asia/Kathmandu'"), ("timezone_abbreviations", "'India'"),
    ("bytea_output", "escape"), ("extra_float_digits", "-15"), ("extra_float_digits", "3"), ("lc_monetary", "'de_DE.UTF-8'"), ("lc_monetary", "'POSIX'"),
    ("lc_numeric", "'POSIX'"), ("lc_time", "'POSIX'"), ("lc_messages", "'POSIX'"), ("xmlbinary", "hex"), ("xmloption", "document"),
    ("default_text_search_config", "'pg_catalog.german'"), ("array_nulls", "off"), ("transform_null_equals", "on"), ("quote_all_identifiers", "on"),
    ("client_encoding", "LATIN1"), ("search_path", "kinds, public"), ("row_security", "off"), ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "off"), ("default_transaction_deferrable", "on"), ("gin_fuzzy_search_limit", "1"), ("statement_timeout", "1"),
    ("synchronize_seqscans", "off"), ("jit", "on"), ("plan_cache_mode", "force_generic_plan"), ("plan_cache_mode", "force_custom_plan"),
)  # fmt: skip
PLANS = (
    ("enable_seqscan", "off"), ("enable_indexscan", "off"), ("enable_bitmapscan", "off"), ("enable_sort", "off"), ("enable_hashagg", "off"),
    ("enable_hashjoin", "off"), ("enable_nestloop", "off"), ("enable_mergejoin", "off"), ("enable_material", "off"), ("enable_incremental_sort", "off"),
    ("from_collapse_limit", "1"), ("join_collapse_limit", "1"), ("work_mem", "'64kB'"), ("cursor_tuple_fraction", "0"), ("max_parallel_workers_per_gather", "0"),
    ("debug_parallel_query", "on"), ("enable_presorted_aggregate", "off"), ("enable_group_by_reordering", "off"), ("exit_on_error", "on"),
)  # fmt: skip
"""Settings that change plans."""
MONETARY = "lc_monetary"
"""Its locale need not be installed; then the server refuses it."""


def targets() -> Iterator[str]:
    """Requests about every type: shown, ordered, compared, grouped, counted; and what writes texts of its own."""
    for kind in KINDS:
        name, is_text = kind.set_name, kind.declared["$Type"] == "Edm.String"
        order = "" if kind.declared["$Type"] == "Edm.Binary" else "v desc,"
        expand = "$expand=same,all($count=true;$top=2)&" if kind.key else ""
        matches = (
            "contains(k,'a') or k in ('x','10.0.0.1','ok') or endswith(tolower(concat(k,'\\')),'\\') or matchesPattern(k,'^\\w')"
            if is_text
            else "k eq k"
        )
        yield f"{name}?{expand}$orderby={order}n&$count=true&$filter={matches} or n ge 0"
        yield f"{name}?$apply=filter(k ne v)/groupby((v),aggregate(n with max as m))&$orderby=m"
    for literal in (*BY_NAME["inet"].absent[:3], "'ok'"):
        yield f"{BY_NAME['enum'].set_name}?$filter=k eq {literal} or k ge {literal}&$orderby=n"
    times = BY_NAME["timestamptz"].set_name
    yield f"{times}?$orderby=n&$compute=cast('2024-02-29T12:00:00Z',Edm.DateTimeOffset) as a,cast(k,Edm.String) as b,date(k) as c,time(k) as d,year(k) as e"
    yield f"{times}?$filter=cast(cast(k,Edm.String),Edm.DateTimeOffset) eq k or date(k) ge 2024-02-29&$orderby=n"
    text = BY_NAME["text"].set_name
    yield f"{text}?$search=a OR x&$orderby=n&$count=true"
    yield f"{text}?$filter=all/any(a:a/k gt k) and startswith(k,'%25')&$orderby=toupper(k),n"
    yield f"{text}?$apply=aggregate(k with max as a,k with min as b,k with countdistinct as c,n with average as d)"


async def answers(gateway: Inside) -> list[tuple[str, int, str, bytes]]:
    found = []
    for target in targets():
        answer = await gateway.ask(target, headers={"Accept": "application/json;odata.metadata=full", "Prefer": "maxpagesize=3"})
        found.append((target, answer.status, answer.broken, answer.body))
    return found


@pytest.fixture(scope="module")
def kinds(cluster: Cluster, tmp_path_factory) -> Iterator[dict[str, str]]:
    with kinds_database(cluster, "kinds_settings", tmp_path_factory.mktemp("kinds")) as settings:
        yield settings


def _with(name: str, value: str) -> str:
    return f"ALTER ROLE {READER} IN DATABASE kinds_settings SET {name} = {value};"


@pytest.mark.parametrize("pooler", ["none", "transaction"])
def test_no_setting_of_the_role_changes_a_byte(cluster, kinds, pooler):
    async def answered() -> list[tuple[str, int, str, bytes]]:
        async with inside(kinds["ODATA_DSN"], ODATA_MODEL=kinds["ODATA_MODEL"], ODATA_POOLER=pooler) as gateway:
            return await answers(gateway)

    before = asyncio.run(answered())
    wrong = {target: body[:300] for target, status, broken, body in before if status != 200 or broken}
    assert not wrong
    known = set(cluster.psql("postgres", "SELECT lower(name) FROM pg_settings WHERE context IN ('user', 'superuser')").split())
    for name, value in SETTINGS + (PLANS if pooler == "none" else ()):
        if name.lower() not in known or not _is_accepted(cluster, name, value):
            continue
        cluster.psql("postgres", _with(name, value))
        try:
            after = asyncio.run(answered())
        finally:
            cluster.psql("postgres", f"ALTER ROLE {READER} IN DATABASE kinds_settings RESET ALL;")
        assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [], (name, value)


def _is_accepted(cluster: Cluster, name: str, value: str) -> bool:
    """Whether this server takes the setting; only locales may be missing."""
    if name != MONETARY:
        return True
    found = cluster.psql("postgres", "SELECT count(*) FROM pg_collation WHERE collname LIKE 'de_DE%' AND collprovider = 'c'")
    return value == "'POSIX'" or found.strip() != "0"


def test_what_is_set_for_a_session_is_set_for_a_transaction():
    """Both ways have the same settings, except those that a transaction has from its BEGIN."""
    settings = DatabaseSettings("")
    local = {part.split(" = ")[0] for part in settings.local_settings.replace("; SET LOCAL ", "\n").split("\n") if part}
    assert set(settings.server_settings()) - local == {"application_name", "default_transaction_read_only", "default_transaction_isolation"}
