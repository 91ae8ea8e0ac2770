"""The official grammar test cases that concern reading: the ABNF's positives parse, its negatives are 400.

The cases are half of OASIS's `odata-abnf-testcases` (repository oasis-tcs/odata-abnf), as JSON. A case tests a rule of the grammar; `WRAPPED`
says how a text of that rule becomes a request.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from odata_gateway.compiler.compiler import Compiler
from odata_gateway.edm.csdl import load_model
from odata_gateway.errors import ODataError
from odata_gateway.plan.scope.limits import Limits
from odata_gateway.url.normalize import normalize
from odata_gateway.url.parse import parse
from odata_gateway.url.split import split

CASES = json.loads((Path(__file__).parents[2] / "data" / "abnf_public.json").read_text("utf-8"))

# Headers and preferences are no part of a URL.
NOT_OURS = {"header", "preference", "maxpagesizePreference", "includeAnnotationsPreference"}

# `{}` is the text; rules that are not named here are literals and expressions, and stand in a $filter.
WRAPPED = {
    **dict.fromkeys(["odataRelativeUri", "resourcePath", "odataUri", "odataIdentifier", "entitySetName"], "{}"),
    **dict.fromkeys(
        ["queryOptions", "filter", "select", "expand", "orderby", "search", "compute", "systemQueryOption", "customQueryOption"],
        "Message?{}",
    ),
    "durationValue": "Message?$filter=duration'{}'",
    "anyExpr": "Message?$filter=messages/{}",
    "stringInUrl": "Message?@a=[{}]",
    "functionParameter": "Function({})",
}

# Negatives whose text is a sentence of the grammar, and which only the model can refuse.
ONLY_TYPES_TELL = {
    "core-0213": "TheBestProduct is a function import, which cannot follow a collection",
    "core-0243": "a stream property has no /$value",
    "core-0263": "the first function returns a single entity of a type the second does not take",
    "core-0688": "Available is a function and needs parentheses; a type may stand here without",
    "aggregation-0014": "Amount is a property; a custom aggregate may have an alias without a method",
    "aggregation-0069": "Price is primitive and has no property Quantity",
}

# Rules for payloads and CSDL (their texts are no URL literals), where a URL says the same in another way.
NOT_IN_A_URL = {
    "core-0018": "booleans of payloads are lower case, those of URLs ignore case",
    "core-0027": "INF is no Date, but a Double that may stand in a $filter",
    "core-0039": "-INF is no DateTimeOffset, but a Double",
    "core-0040": "INF is no DateTimeOffset, but a Double",
    "core-0092": "a binary value without its prefix, as in CSDL",
    "core-0667": "an enumeration value of a payload; in a URL %2B42 is the number 42",
}


def request_of(case: dict[str, object]) -> str:
    text, rule = str(case["input"]), str(case["rule"])
    if rule == "odataUri":
        text = re.sub(r"^https?://[^/]+/(?:service/|MyService/|OData/OData\.svc/)?", "", text)
    return WRAPPED.get(rule, "Message?$filter={}").format(text) if rule != "stringInUrl" else f"Message?@a=[{text}]"


def cases(should_fail: bool) -> list[object]:
    return [
        pytest.param(request_of(case), id=f"{case['id']} {case['rule']}")
        for case in CASES
        if case["should_fail"] is should_fail and case["rule"] not in NOT_OURS and case["id"] not in ONLY_TYPES_TELL | NOT_IN_A_URL
    ]


@pytest.mark.parametrize("url", cases(should_fail=False))
def test_a_sentence_of_the_abnf_is_read_and_means_the_same_with_strict_urls(url):
    found = parse(normalize(split(url, max_bytes=16384))[0])
    assert parse(normalize(split(url, max_bytes=16384, strict=True), strict=True)[0]) == found


@pytest.mark.parametrize("url", cases(should_fail=True))
def test_a_text_outside_the_abnf_is_a_bad_request_with_strict_urls(url):
    with pytest.raises(ODataError) as caught:
        parse(normalize(split(url, max_bytes=16384, strict=True), strict=True)[0])
    assert caught.value.status == 400
    assert caught.value.code.startswith("Url.")
    assert caught.value.target


# Negatives that are a spelling beyond the ABNF.
READ_BY_DEFAULT = {"core-0311": "a blank after the `=` of an option"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in CASES if case["should_fail"] and case["rule"] not in NOT_OURS]
)
def test_the_default_reads_no_other_text_outside_the_abnf(case):
    is_read = True
    try:
        parse(normalize(split(request_of(case), max_bytes=16384))[0])
    except ODataError:
        is_read = False
    assert is_read == (case["id"] in READ_BY_DEFAULT | ONLY_TYPES_TELL | NOT_IN_A_URL)


def test_every_listed_exception_is_a_case():
    assert {case["id"] for case in CASES} >= ONLY_TYPES_TELL.keys() | NOT_IN_A_URL.keys()


@pytest.mark.parametrize("identifier", sorted(ONLY_TYPES_TELL))
def test_what_only_types_tell_is_read(identifier):
    (case,) = [case for case in CASES if case["id"] == identifier]
    parse(normalize(split(request_of(case), max_bytes=16384))[0])


# What the binder answers to the exceptions: the paths name sets and types that this model does not have, and true is true in any case.
ANSWERED = {"core-0018": None, "core-0092": 400, "core-0213": 404, "core-0243": 404, "core-0263": 404}


@pytest.mark.parametrize("identifier", sorted(ONLY_TYPES_TELL | NOT_IN_A_URL))
def test_the_exceptions_are_refused_by_the_binder(identifier):
    (case,) = [case for case in CASES if case["id"] == identifier]
    compiler = Compiler(load_model(), limits=Limits(), max_url_bytes=16_384, cache_entries=1)
    status: int | None = None
    try:
        compiler.compile(request_of(case))
    except ODataError as error:
        status = error.status
    assert status == ANSWERED.get(identifier, 400)
