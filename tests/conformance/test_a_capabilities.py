"""What $metadata says the service can and cannot do, each annotation held against what the service does."""

import json

import pytest
from tests.harness.batch import ask_json, multipart, parts_of, post

SETS = ("Message", "Conversation", "Inbox", "Label", "User")
V401 = {"OData-MaxVersion": "4.01"}


@pytest.fixture(scope="module")
def container(ask):
    document = ask.json("$metadata?$format=json", V401)
    return document["LiveAgent"][document["$EntityContainer"].rpartition(".")[2]]


@pytest.fixture(scope="module")
def properties(ask):
    """The structural properties of each set's type."""
    schema = ask.json("$metadata?$format=json", V401)["LiveAgent"]
    return {name: [n for n, p in schema[name].items() if n[0] not in "$@" and p.get("$Kind") != "NavigationProperty"] for name in SETS}


def terms(element):
    return {name[1:].rpartition(".V1.")[2].rpartition(".")[2]: value for name, value in element.items() if name[0] == "@"}


def answers(ask, target, **options):
    return ask.gateway.get(target, **options).status == 200


def batch_answers(ask, body, **headers):
    return post(ask.gateway, body, **headers).status == 200


# Conditions and calls that use each function or operator.
USES = {
    **{op: f"id {op} 1" for op in ("eq", "ne", "gt", "ge", "lt", "le")}, **{op: f"id {op} 2 ge 0" for op in ("add", "sub", "mul", "div", "divby", "mod")},
    "in": "id in (1,2)", "and": "true and true", "or": "false or true", "not": "not false", "any": "conversations/any()", "all": "conversations/all(c:true)",
    "concat": "concat(title,'a') ne ''", "contains": "contains(title,'a')", "endswith": "endswith(title,'a')", "indexof": "indexof(title,'a') ge 0",
    "length": "length(title) gt 0", "startswith": "startswith(title,'a')", "substring": "substring(title,1) ne ''", "tolower": "tolower(title) ne ''",
    "toupper": "toupper(title) ne ''", "trim": "trim(title) ne ''", "matchesPattern": "matchesPattern(title,'a')", "date": "date(created_at) ne null",
    "time": "time(created_at) ne null", "totaloffsetminutes": "totaloffsetminutes(created_at) eq 0", "now": "now() ne null",
    "totalseconds": "totalseconds(created_at sub updated_at) ne null", "mindatetime": "mindatetime() ne null", "maxdatetime": "maxdatetime() ne null",
    **{part: f"{part}(created_at) ge 0" for part in ("year", "month", "day", "hour", "minute", "second", "fractionalseconds")},
    **{name: f"{name}(id) ge 0" for name in ("round", "floor", "ceiling")}, "hassubset": "hassubset([id],[1])", "hassubsequence": "hassubsequence([id],[1])",
    "cast": "cast(id,Edm.String) ne ''", "isof": "isof(id,Edm.Int32)", "case": "case(true:id) gt 0",
}  # fmt: skip


def test_a14_each_function_that_is_announced_can_be_used(ask, container):
    announced = terms(container)["FilterFunctions"]
    assert sorted(announced) == sorted(USES)
    for name in announced:
        ask(f"Label?$top=1&$filter={USES[name]}")


GET = {"id": "1", "method": "GET", "url": "Label(1)"}
CONTAINER = {
    "ODataVersions": lambda ask, said: said == "4.01" and ask("Label(1)", headers=V401).headers["odata-version"] == "4.01",
    "ConformanceLevel": lambda ask, said: said in ("Minimal", "Intermediate", "Advanced"),
    "SupportedFormats": lambda ask, said: all(answers(ask, "Label", headers={"Accept": each}) for each in said),
    "SupportedMetadataFormats": lambda ask, said: all(
        ask("$metadata", headers=V401 | {"Accept": each}).headers["content-type"].startswith(each) for each in said
    ),
    "AsynchronousRequestsSupported": lambda ask, said: (ask.gateway.get("Label", headers={"Prefer": "respond-async"}).status == 202) is said,
    "BatchSupported": lambda ask, said: batch_answers(ask, multipart("GET Label(1)")) is said,
    "BatchContinueOnErrorSupported": lambda ask, said: (
        len(parts_of(post(ask.gateway, multipart("GET Nope", "GET Label"), Prefer="continue-on-error"))) == 2
    ) is said,
    "QuerySegmentSupported": lambda ask, said: (
        ask.gateway.ask(
            "POST", "/v1.0/odata/Label/$query", {"Authorization": f"Bearer {ask.gateway.tokens.ADMIN}", "Content-Type": "text/plain"}, b"$top=1"
        ).status == 200
    ) is said,
    "CrossJoinSupported": lambda ask, said: answers(ask, "$crossjoin(Label,Inbox)?$top=1") is said,
    "KeyAsSegmentSupported": lambda ask, said: answers(ask, "Label/1") is said,
    "FilterFunctions": lambda ask, said: set(said) == set(USES),
}  # fmt: skip


def test_a14_what_the_container_says_is_what_the_service_does(ask, container):
    said = terms(container)
    batch = said.pop("BatchSupport")
    assert said.keys() == CONTAINER.keys()
    assert [term for term, value in said.items() if not CONTAINER[term](ask, value)] == []
    assert batch["Supported"] and batch["ContinueOnErrorSupported"]
    for media_type, body in zip(
        batch["SupportedFormats"], (multipart("GET Label(1)"), json.dumps({"requests": [GET]}).encode()), strict=True
    ):
        assert batch_answers(ask, body, **{"Content-Type": media_type + ";boundary=b"})
    on_body = ask_json(ask.gateway, GET, {**GET, "id": "2", "dependsOn": ["1"], "if": "$1/id eq 1"})[1]["status"]
    assert (on_body == 200) is batch["RequestDependencyConditionsSupported"]
    changes = ask_json(ask.gateway, {"id": "1", "method": "POST", "url": "Label", "body": {}, "atomicityGroup": "g"})[0]["status"]
    for name in ("ReferencesInRequestBodiesSupported", "ReferencesAcrossChangeSetsSupported", "EtagReferencesSupported"):
        assert (changes < 400) is batch[name]


@pytest.mark.parametrize("entity_set", SETS)
def test_a14_what_a_set_says_is_what_the_service_does(ask, container, properties, entity_set):
    said = terms(container[entity_set])
    key, names = ask.ids(f"{entity_set}?$select=id&$top=1")[0], set(properties[entity_set])
    assert said.pop("ApplySupported")["Transformations"]  # each of which test_p22 sends
    checks = {
        "IndexableByKey": lambda value: answers(ask, f"{entity_set}({key})") is value,
        "TopSupported": lambda value: answers(ask, f"{entity_set}?$top=1") is value,
        "SkipSupported": lambda value: answers(ask, f"{entity_set}?$skip=1&$top=1") is value,
        "CountRestrictions": lambda value: (answers(ask, f"{entity_set}/$count") and answers(ask, f"{entity_set}?$count=true&$top=0"))
        is value["Countable"],
        "ExpandRestrictions": lambda value: value["Expandable"] and levels(ask, entity_set) == value["MaxLevels"],
        "InsertRestrictions": lambda value: written(ask, "POST", entity_set) is value["Insertable"],
        "UpdateRestrictions": lambda value: written(ask, "PATCH", f"{entity_set}({key})") is value["Updatable"],
        "DeleteRestrictions": lambda value: written(ask, "DELETE", f"{entity_set}({key})") is value["Deletable"],
        "SearchRestrictions": lambda value: answers(ask, f"{entity_set}?$search=a&$top=1") is value["Searchable"],
        "FilterRestrictions": lambda value: refused(ask, entity_set, names, "$filter={} eq null") == set(value["NonFilterableProperties"]),
        "SortRestrictions": lambda value: refused(ask, entity_set, names, "$orderby={}") == set(value["NonSortableProperties"]),
    }  # fmt: skip
    assert said.keys() <= checks.keys()
    assert [term for term, value in said.items() if not checks[term](value)] == []
    if "FilterRestrictions" not in said:
        assert not refused(ask, entity_set, names, "$filter={} eq null") and not refused(ask, entity_set, names, "$orderby={}")


def written(ask, method, target):
    reply = ask.gateway.get(target, method=method)
    assert reply.status == 405 or reply.status < 300
    return reply.status < 300


def refused(ask, entity_set, names, option):
    return {name for name in names if not answers(ask, f"{entity_set}?$select=id&$top=0&{option.format(name)}")}


def levels(ask, entity_set):
    """How many levels can be expanded: the path goes forth and back between two types."""
    there, back = {"Message": ("conversation", "messages"), "Conversation": ("messages", "conversation"), "Inbox": ("conversations", "inbox"),
                   "Label": ("conversations", "labels"), "User": ("assigned_conversations", "assignee")}[entity_set]  # fmt: skip
    for depth in range(1, 20):
        expand = ""
        for level in reversed(range(depth)):
            expand = f"$expand={(there, back)[level % 2]}" + (f"({expand})" if expand else "")
        if not answers(ask, f"{entity_set}?$select=id&$top=0&{expand}"):
            return depth - 1
    return 20
