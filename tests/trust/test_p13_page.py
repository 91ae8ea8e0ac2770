"""What the page must never cost: programs get the same bytes with and without it, and no query of it runs without a bound."""

import re
import time

import pytest
from tests.harness import tokens
from tests.harness.gateway import start_gateway

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROGRAMS = (
    "*/*",
    "",
    "application/json",
    "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7",
    "application/json, text/plain, */*",
    "application/xml, application/json;q=0.9, text/html;q=0.1",
    "text/csv",
)
TARGETS = (
    "",
    "$metadata",
    "openapi.json",
    "Message?$top=3",
    "Message?$top=3&view=json&pagesize=2&facets=true",
    "Message(1)",
    "Message(1)/content",
    "Message(1)/content/$value",
    "Message/$count",
    "Message?$filter=nothing eq 1",
    "Nothing",
    "$all?$top=2",
)
SLOW = """
CREATE TABLE public.many (id int PRIMARY KEY, n int NOT NULL); INSERT INTO public.many SELECT i, i % 5 FROM generate_series(1, 1000) AS i;
CREATE FUNCTION public.slowly(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN n; END $$;
CREATE VIEW public.slow AS SELECT id, n, public.slowly(n) AS kind FROM public.many;
GRANT SELECT ON public.many, public.slow TO odata_reader;
"""


def answer(gateway, target, accepted, token):
    """An answer without what differs from one answer to the next."""
    reply = gateway.get(target, token=token, headers={"Host": "odata.example"} | ({"Accept": accepted} if accepted else {}))
    headers = {name: value for name, value in reply.headers.items() if name not in ("date", "x-request-id", "content-length")}
    body = re.sub(rb'"request_id":"\w+"', b"", reply.body)
    return reply.status, headers, body


@pytest.fixture(scope="module")
def pageless(reader_dsn):
    with start_gateway(ODATA_DSN=reader_dsn, ODATA_PAGE_ROWS="1000", ODATA_PAGE="false") as running:
        yield running


@pytest.mark.parametrize("accepted", PROGRAMS)
def test_programs_get_the_same_bytes_with_and_without_the_page(gateway, pageless, accepted):
    for target in TARGETS:
        for token in (tokens.ADMIN, None):
            assert answer(gateway, target, accepted, token) == answer(pageless, target, accepted, token), target


def test_a_browser_gets_what_programs_get_where_the_page_is_turned_off(pageless):
    for target in TARGETS:
        assert b"<!doctype" not in answer(pageless, target, BROWSER, tokens.ADMIN)[2]
    assert pageless.get("$page/go?url=Message", headers={"Accept": BROWSER}).status == 400
    assert pageless.get("$page/odc/Message").status == 400


def test_a_query_of_the_page_ends_after_a_second_and_the_page_says_so(cluster, reader_url):
    cluster.psql("postgres", "CREATE DATABASE slow_page")
    try:
        cluster.psql("slow_page", SLOW)
        with start_gateway(ODATA_DSN=reader_url("slow_page"), ODATA_MODEL="auto") as gateway:
            started = time.monotonic()
            reply = gateway.get("slow?facets=true&pagesize=20", token=None, headers={"Accept": "text/html"})
            assert reply.status == 200 and "took too long" in reply.body.decode()
            assert time.monotonic() - started < 8
            time.sleep(1)
            running = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'slow_page' AND state = 'active' AND usename = 'odata_reader'"
            assert cluster.psql("slow_page", f"COPY ({running}) TO STDOUT").strip() == "0"
    finally:
        cluster.psql("postgres", "DROP DATABASE slow_page WITH (FORCE)")
