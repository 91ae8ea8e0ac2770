"""Every request target is of one kind, however it spells slashes, `$` and a fragment."""

from __future__ import annotations

import pytest
from odata_gateway.url.resource_kind import METHODS, RESERVED_NAMES, ResourceKind, classify, method_refusal

KINDS = {
    ResourceKind.SERVICE_DOCUMENT: ["", "/", "//", "?$format=json", "/?apikey=K", "#x"],
    ResourceKind.METADATA: ["$metadata", "/$metadata", "$metadata/", "%24metadata", "$metadata#Message", "$metadata?$format=json", "$metadata/x", "$metadata/$query"],
    ResourceKind.OPENAPI: ["openapi.json", "/openapi.json/", "openapi.json?apikey=K", "open%61pi.json"],
    ResourceKind.BATCH: ["$batch", "/$batch", "$batch/", "%24batch", "$batch?apikey=K", "%24%62atch/"],
    ResourceKind.ENTITY_ID: ["$entity?$id=Message(1)", "/$entity/LiveAgent.Message?$id=x", "%24entity", "$entity/$query"],
    ResourceKind.ALL: ["$all", "/$all/?$top=1", "%24all/LiveAgent.Message", "$all/x/y"],
    ResourceKind.QUERY_BODY: ["Message/$query", "Message/%24query/", "/Conversation(1)/messages/$query?$top=1", "$all/$query", "$crossjoin(A,B)/$query"],
    ResourceKind.DATA: [
        *("Message", "/Message(1)", "Message?$batch", "Message?x=/$query", "Message/$count", "$crossjoin(A,B)", "Message('$all')", "//Message", "//$all"),
        *("$query", "/$query", "Message/$batch", "$batch/x", "$batch/$query", "Message/$query//", "Message/$query/$query", "Message/$query/x", "$metadatax", "Message#$query", "100%"),
        *("openapi.json/x", "OpenAPI.json", "openapi", "openapi.json/$query/x"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "target"), [(kind, target) for kind, targets in KINDS.items() for target in targets])
def test_a_target_is_of_one_kind(kind, target):
    assert classify(target) is kind


def test_every_kind_has_methods_and_a_batch_sends_the_first_one():
    assert set(METHODS) == set(KINDS) == set(ResourceKind)
    assert all("OPTIONS" in methods and methods[0] in ("GET", "POST") for methods in METHODS.values())
    assert [kind for kind, methods in METHODS.items() if "POST" in methods] == [ResourceKind.BATCH, ResourceKind.QUERY_BODY]


def test_the_reserved_names_are_kinds():
    assert all(classify(name) is not ResourceKind.DATA for name in RESERVED_NAMES)


@pytest.mark.parametrize("kind", [*ResourceKind, None])
def test_only_a_method_that_would_write_is_told_that_the_service_is_read_only(kind):
    told = {method for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE") if "read-only" in method_refusal(method, kind)}
    is_data = kind in (ResourceKind.DATA, ResourceKind.ALL, ResourceKind.ENTITY_ID)
    assert told == {"PUT", "PATCH", "DELETE"} | ({"POST"} if is_data else set())
    assert method_refusal("GET" * 20, kind) == "GETGETGETGETGETGETGE is not allowed here"
