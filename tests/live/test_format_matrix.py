"""Every kind of resource with every format, asked for by $format and by Accept: it is answered in that format, or refused with 406 and a way out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.harness import tokens
from tests.harness.gateway import Gateway, Reply, start_gateway
from tests.live.test_files_of_wares import dsn
from tests.oracle import wares

__all__ = ("dsn",)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": XLSX,
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "table": "text/plain",
}
FILES = frozenset(MEDIA_TYPES) - {"json", "xml", "atom"}
DATA = FILES | {"json"}
RESOURCES = {
    "": {"json"},
    "$metadata": {"json", "xml"},
    "openapi.json": {"json"},
    "Message?$top=2": DATA,
    "Message?$apply=groupby((status))": DATA,
    "Message(1)": DATA,
    "Message(1)/conversation": DATA,
    "Message(1)/content": DATA,
    "Conversation(1)/messages": DATA,
    "$entity?$id=Message(1)": DATA,
    "$crossjoin(Label,Inbox)?$top=2&$expand=Label,Inbox": DATA,
    "Message(1)/conversation/$ref": {"json", "ndjson"},
    "Conversation(1)/messages/$ref": {"json", "ndjson"},
    "$crossjoin(Label,Inbox)?$top=2": {"json", "ndjson"},
    "Inbox?$expand=members": {"json", "ndjson"},
    "$all?$top=2": {"json"},
    "$all/LiveAgent.Label": DATA,
}
FUNCTIONS = {
    "sold(lowest=80)": DATA,
    "sold(lowest=80)?$apply=aggregate(total with max as most)": DATA,
    "some_wares(lowest=80)": DATA,
    "some_wares(lowest=80)(85)": DATA,
    "some_wares(lowest=80)(85)/maker": DATA,
    "some_wares(lowest=80)(85)/txt": DATA,
    "some_wares(lowest=80)?$expand=maker": DATA,
    "maker(7)/ware(7)/wares.beside(most=2)": DATA,
    "texts(lowest=80)": DATA,
    "best()": DATA,
    "best()/home": DATA,
    "number_of(lowest=80)": DATA,
    "first_home()": DATA,
    "some_wares(lowest=80)/$ref": {"json", "ndjson"},
    "maker(1)?$expand=ware": {"json", "ndjson"},
}
"""Functions of a database that is served without a model, by what they return."""
COUNT = "texts(lowest=80)/$count"
AS_ACCEPTED = {("$metadata", "json"): "application/xml", ("$metadata", "atom"): "application/xml"}
"""Clients of 4.0 ask for JSON, and for Atom, and read XML."""
WITHOUT_NEGOTIATION = ("Message/$count", "Message(1)/content/$value")


def asked(gateway: Gateway, target: str, format_name: str, way: str) -> Reply:
    token = None if target in FUNCTIONS or target == COUNT else tokens.ADMIN
    if way == "Accept":
        return gateway.get(target, token=token, headers={"Accept": MEDIA_TYPES[format_name]})
    return gateway.get(f"{target}{'&' if '?' in target else '?'}$format={format_name}", token=token)


def check_formats(gateway: Gateway, target: str, formats: set[str], way: str) -> None:
    """Each format of a resource is what is asked for; each other one is refused with a way out."""
    for name, media_type in MEDIA_TYPES.items():
        reply = asked(gateway, target, name, way)
        wanted = AS_ACCEPTED.get((target, name), media_type) if way == "Accept" else media_type
        if name in formats or (way == "Accept" and (target, name) in AS_ACCEPTED):
            assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, wanted), (name, reply.body[:300])
            continue
        error = reply.json()["error"]
        assert (reply.status, error["code"]) == (406, "Url.Format"), (name, reply.body[:300])
        assert error["message"].partition("; ")[2], (name, error)  # the way out
        said = name in error["message"] or media_type in error["message"] or "the document is JSON" in error["message"]
        assert said, (name, error)


@pytest.mark.parametrize("way", ["$format", "Accept"])
@pytest.mark.parametrize("target", RESOURCES)
def test_a_resource_has_a_format_or_refuses_it(gateway, target, way):
    check_formats(gateway, target, RESOURCES[target], way)


@pytest.fixture(scope="module")
def functions(dsn: str) -> Iterator[Gateway]:
    with start_gateway(ODATA_DSN=dsn, ODATA_MODEL="auto", ODATA_SCHEMAS=wares.SCHEMA) as running:
        yield running


@pytest.mark.parametrize("way", ["$format", "Accept"])
@pytest.mark.parametrize("target", FUNCTIONS)
def test_what_a_function_returns_has_a_format_or_refuses_it(functions, target, way):
    check_formats(functions, target, FUNCTIONS[target], way)


@pytest.mark.parametrize("way", ["$format", "Accept"])
def test_counts_of_what_a_function_returns_are_not_negotiated(functions, way):
    for name in MEDIA_TYPES:
        reply = asked(functions, COUNT, name, way)
        assert (reply.status, reply.body) == (200, b"11"), name


@pytest.mark.parametrize("way", ["$format", "Accept"])
@pytest.mark.parametrize("target", WITHOUT_NEGOTIATION)
def test_counts_and_raw_values_are_not_negotiated(gateway, target, way):
    """Protocol 11.2.10 and 11.2.4.2: they are plain text, and clients send the Accept header of all their other requests."""
    plain = gateway.get(target)
    for name in MEDIA_TYPES:
        reply = asked(gateway, target, name, way)
        assert (reply.status, reply.body, reply.headers["content-type"]) == (200, plain.body, plain.headers["content-type"]), name
    assert plain.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("target", ["Nope", "Message(99999)", "Message?$filter=nope eq 1"])
@pytest.mark.parametrize("name", sorted(DATA))
def test_errors_are_json_in_every_format(gateway, target, name):
    """A client of a file learns why there is none, as everybody does."""
    for way in ("$format", "Accept"):
        reply = asked(gateway, target, name, way)
        assert reply.status in (400, 404) and reply.headers["content-type"] == "application/json" and "error" in reply.json()


@pytest.mark.parametrize("name", sorted(MEDIA_TYPES))
def test_a_part_of_a_batch_has_its_own_format(gateway, name):
    parts = [
        {"id": "1", "method": "GET", "url": f"Label?$select=id&$format={name}"},
        {"id": "2", "method": "GET", "url": "Label?$select=id", "headers": {"Accept": MEDIA_TYPES[name]}},
    ]
    sent = {"Authorization": f"Bearer {gateway.tokens.ADMIN}", "Content-Type": "application/json"}
    reply = gateway.ask("POST", "/v1.0/odata/$batch", sent, json.dumps({"requests": parts}).encode())
    answers = reply.json()["responses"]
    assert [each["status"] for each in answers] == ([200, 200] if name in DATA else [406, 406]), answers
    if name in DATA:
        headers = [{key.lower(): text for key, text in each["headers"].items()} for each in answers]
        assert [each["content-type"].partition(";")[0] for each in headers] == [MEDIA_TYPES[name]] * 2


@pytest.mark.parametrize("name", ["nonsense", "csv;header=absent", "*/*"])
def test_what_is_no_format_is_400(gateway, name):
    for target in RESOURCES:
        reply = gateway.get(f"{target}{'&' if '?' in target else '?'}$format={name}")
        assert reply.status == 400, (target, reply.body)
