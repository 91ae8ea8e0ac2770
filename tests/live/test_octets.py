"""Binary values: octets as they are in /$value, base64url in JSON."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import pytest
from tests.harness import tokens
from tests.harness.batch import ask_json, multipart, parts_of, post
from tests.harness.cluster import READER, Cluster
from tests.harness.gateway import Gateway, start_gateway

OCTETS = {
    1: bytes(range(256)),
    2: b"",
    3: b"\xff\xfe\x00\r\n--b--\r\n",
    4: b"plain text",
    5: b"\x89PNG" * 100_000,
}
MODEL = {
    "$Version": "4.01",
    "$EntityContainer": "Files.Service",
    "Files": {
        "File": {
            "$Kind": "EntityType",
            "$Key": ["id"],
            "@Gateway.Table": "public.files",
            "@Gateway.Unscoped": True,
            "id": {"$Type": "Edm.Int32"},
            "data": {"$Type": "Edm.Binary", "$Nullable": True},
            "image": {"$Type": "Edm.Binary", "$Nullable": True, "@Gateway.Column": "data", "@Core.MediaType": "image/png"},
            "note": {"$Nullable": True, "@Core.MediaType": "text/html"},
        },
        "Service": {"$Kind": "EntityContainer", **tokens.TABLES, "File": {"$Collection": True, "$Type": "Files.File"}},
    },
}


@pytest.fixture(scope="module")
def files(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The program over a table of octets."""
    path = tmp_path_factory.mktemp("files") / "model.json"
    path.write_text(json.dumps(MODEL))
    cluster.load("files")
    rows = "".join(f"INSERT INTO files VALUES ({key}, '\\x{octets.hex()}', 'n');" for key, octets in OCTETS.items())
    cluster.psql(
        "files",
        "CREATE TABLE files (id integer PRIMARY KEY, data bytea, note text);"
        f"{rows} INSERT INTO files VALUES (6, NULL, NULL); GRANT SELECT ON files TO {READER};",
    )
    with start_gateway(ODATA_DSN=cluster.dsn(user=READER, database="files"), ODATA_MODEL=str(path)) as gateway:
        yield gateway
    cluster.psql("postgres", "DROP DATABASE files WITH (FORCE)")


@pytest.mark.parametrize(("name", "media_type"), [("data", "application/octet-stream"), ("image", "image/png")])
@pytest.mark.parametrize("key", OCTETS)
def test_a_raw_value_is_the_octets(files, key, name, media_type):
    reply = files.get(f"File({key})/{name}/$value")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, media_type, OCTETS[key])
    head = files.get(f"File({key})/{name}/$value", method="HEAD")
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", media_type)
    if OCTETS[key]:
        assert head.headers["content-length"] == str(len(OCTETS[key]))


@pytest.mark.parametrize("key", OCTETS)
def test_json_has_base64url(files, key):
    text = urlsafe_b64encode(OCTETS[key]).decode().rstrip("=")
    assert files.get(f"File({key})/data").json()["value"] == text
    assert files.get(f"File({key})").json()["data"] == text


@pytest.mark.parametrize("name", ["data", "image", "note"])
def test_null_has_no_content(files, name):
    reply = files.get(f"File(6)/{name}/$value")
    assert (reply.status, reply.body) == (204, b"") and "content-type" not in reply.headers
    assert files.get(f"File(7)/{name}/$value").status == 404


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/plain", "application/octet-stream", "application/json;odata.metadata=full"]
)
def test_the_raw_value_is_the_same_whatever_is_accepted(files, accept):
    reply = files.get("File(1)/data/$value", headers={"Accept": accept})
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/octet-stream", OCTETS[1])


def test_options_of_a_raw_value_are_those_of_a_text(files):
    for option in ("$format=json", "$select=id", "$top=1", "$filter=true"):
        octets, text = (files.get(f"File(1)/{name}/$value?{option}") for name in ("data", "note"))
        assert octets.status == text.status, option
        if text.status != 200:
            assert octets.json()["error"]["code"] == text.json()["error"]["code"]


def test_a_text_stays_a_text(files):
    reply = files.get("File(1)/note/$value")
    assert (reply.headers["content-type"], reply.body) == ("text/plain;charset=utf-8", b"n")


def test_octets_in_batches(files):
    targets = [f"File({key})/image/$value" for key in OCTETS]
    parts = parts_of(post(files, multipart(*(f"GET {target}" for target in targets))))
    assert [part.headers["content-type"] for part in parts] == ["image/png"] * len(OCTETS)
    assert parts[0].body.removesuffix(b"\r\n") == OCTETS[1]
    answers = ask_json(files, *({"id": target, "method": "GET", "url": target} for target in targets))
    for answer, octets in zip(answers, OCTETS.values(), strict=True):
        assert answer.get("body", "") == urlsafe_b64encode(octets).decode().rstrip("=")


def test_the_metadata_has_the_media_type(files):
    kinds = files.get("$metadata?$format=json").json()["Files"]["File"]
    assert kinds["image"]["@Core.MediaType"] == "image/png"
    assert "@Core.MediaType" not in kinds["data"]
    assert b'"Org.OData.Core.V1.MediaType" String="image/png"' in files.get("$metadata").body
