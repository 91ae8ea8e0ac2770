"""Batches over HTTP as real clients send them, references, credentials, hostile bodies, and answers that are long or break."""

import http.client
import json

import pytest
from tests.harness.batch import PATH, ask_json, multipart, parts_of, post
from tests.harness.gateway import start_gateway

# What the clients of the wire captures send, in their own spelling; {root} and {key} are filled in.
UI5 = (
    "--batch_id-1716-14\r\nContent-Type:application/http\r\nContent-Transfer-Encoding:binary\r\n\r\n"
    "GET Message?apikey={key}&$select=id,content&$skip=0&$top=2 HTTP/1.1\r\nAccept:application/json;odata.metadata=minimal;IEEE754Compatible=true\r\n"
    "Accept-Language:en\r\nX-CSRF-Token:Fetch\r\nContent-Type:application/json;charset=UTF-8;IEEE754Compatible=true\r\n\r\n\r\n"
    "--batch_id-1716-14--\r\nGroup ID: $auto"
)
SAP_SDK = (
    "--batch_0a1b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\ncontent-id: 7e\r\n\r\n"
    "GET /Message?$top=2 HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--batch_0a1b--\r\n"
)
OLINGO = (
    "\r\n--batch_1f-2\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    "GET {root}Message?$top=2 HTTP/1.1\r\nAccept: application/json;odata.metadata=full\r\nOData-MaxVersion: 4.0\r\nOData-Version: 4.0\r\n\r\n\r\n"
    "--batch_1f-2--\r\n"
)
DOTNET = (
    "--batch_a7c4\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET /v1.0/odata/Message?%24top=2 HTTP/1.1\r\n"
    "Host: {host}\r\nOData-Version: 4.0\r\nOData-MaxVersion: 4.0\r\nAccept: application/json;odata.metadata=minimal\r\nUser-Agent: Microsoft.OData.Client/7.20\r\n\r\n"
    "--batch_a7c4--\r\n"
)
ODATA_CLIENT = (
    "--batch_3d\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET Message?$top=2 HTTP/1.1\r\nAccept: application/json\r\n\r\n"
    "--batch_3d--"
)


@pytest.mark.parametrize("text", [UI5, SAP_SDK, OLINGO, DOTNET, ODATA_CLIENT], ids=["ui5", "sap_sdk", "olingo", "dotnet", "odata_client"])
@pytest.mark.parametrize("by", ["header", "url"])
def test_x_batches_as_clients_write_them(gateway, text, by):
    body = text.format(root=gateway.base_url, key=gateway.tokens.ADMIN, host=f"127.0.0.1:{gateway.port}")
    boundary = body.strip().partition("\r\n")[0].removeprefix("--")
    path, key = (PATH, f"Bearer {gateway.tokens.ADMIN}") if by == "header" else (f"{PATH}?apikey={gateway.tokens.ADMIN}", "")
    reply = post(
        gateway,
        body.encode(),
        path=path,
        **{
            "Authorization": key,
            "Content-Type": f"multipart/mixed; boundary={boundary}",
            "Accept": "application/json",
            "OData-Version": "4.0",
        },
    )
    [part] = parts_of(reply)
    assert part.status == 200 and [row["id"] for row in part.json()["value"]] == [1, 3]
    assert part.mime.get("content-id") == ("7e" if text is SAP_SDK else None)


@pytest.mark.parametrize("path", [PATH, PATH + "/", "/v1.0/odata/%24batch"])
def test_the_batch_endpoint_takes_post_only(gateway, path):
    assert len(parts_of(post(gateway, multipart("GET Label(1)"), path=path))) == 1
    for method in ("GET", "HEAD", "PUT"):
        assert gateway.ask(method, path, {"x-csrf-token": "Fetch"}).status == 405


# --- references ---------------------------------------------------------------------------------------------------------------


def test_a_part_can_begin_where_an_earlier_one_led(gateway):
    requests = [
        "Content-ID: m\nGET Message(1)?$select=id",
        "Content-ID: c\nGET $m/conversation",
        "GET $c/inbox/name?$format=json",
        "GET $m",
    ]
    parts = parts_of(post(gateway, multipart(*requests)))
    assert [part.status for part in parts] == [200] * 4
    assert parts[1].json()["id"] == gateway.get("Message(1)/conversation").json()["id"]
    assert parts[2].body == gateway.get("Message(1)/conversation/inbox/name").body and parts[3].body == gateway.get("Message(1)").body


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("Message?$filter=id eq 1", "$1/$count", 400), ("Message(1)/content", "$1/$value", 400), ("Message(@k)?@k=1", "$1/conversation", 400),
        ("Message(987654321)", "$1/conversation", 424), ("Message(1)", "$3/conversation", 400), ("Message(1)", "$2/conversation", 400),
        ("Message(1)", "$9/conversation", 400), ("Message(1)", "$1", 200), ("Message(1)", "$1/nope", 404),
    ],
)  # fmt: skip
def test_references_lead_to_single_entities_only(gateway, first, second, status):
    requests = [{"id": str(n), "method": "GET", "url": url} for n, url in enumerate((first, second, "Label"), 1)]
    answers = ask_json(gateway, *requests)
    assert [answer["status"] for answer in answers[1:]] == [status, 200]


def test_reserved_names_are_no_references(gateway):
    answers = ask_json(gateway, {"id": "metadata", "method": "GET", "url": "Label"}, {"id": "2", "method": "GET", "url": "$metadata"})
    assert answers[1]["headers"]["content-type"] == "application/xml"


# --- credentials --------------------------------------------------------------------------------------------------------------


def test_a_part_cannot_bring_a_token_of_its_own(gateway):
    same, other = gateway.tokens.ADMIN, gateway.tokens.OTHER_ADMIN
    requests = [
        "GET Label(1)", f"GET Label(1)?apikey={same}", f"GET Label(1)\nAuthorization: Bearer {same}", f"GET Label(1)?apikey={other}",
        f"GET Label(1)\nAuthorization: Bearer {other}", f"GET Label(1)\napikey: {other}", "GET Label(1)\nAuthorization: Bearer",
    ]  # fmt: skip
    parts = parts_of(post(gateway, multipart(*requests), Prefer="continue-on-error"))
    assert [part.status for part in parts] == [200, 200, 200, 401, 401, 401, 401]
    assert not any(other.encode() in part.body for part in parts)


def test_without_a_token_nothing_is_answered(gateway):
    reply = post(gateway, multipart(f"GET Label(1)?apikey={gateway.tokens.ADMIN}", "GET $metadata"), Authorization="")
    assert reply.status == 401


@pytest.mark.parametrize("in_url", [True, False])
def test_next_links_carry_the_key_of_the_batch_if_it_stood_in_the_url(gateway, in_url):
    key = gateway.tokens.ADMIN
    path, header = (f"{PATH}?apikey={key}", "") if in_url else (PATH, f"Bearer {key}")
    [part] = parts_of(post(gateway, multipart("GET Message?$select=id\nPrefer: maxpagesize=2"), path=path, Authorization=header))
    link = part.json()["@odata.nextLink"]
    assert link.count(key) == in_url and part.headers["preference-applied"] == "maxpagesize=2"
    assert gateway.get(link, token=None if in_url else key).rows[0] == gateway.get("Message?$select=id").rows[2]


def test_a_part_sees_the_rows_of_the_batch_s_caller_only(gateway):
    other = {"Authorization": f"Bearer {gateway.tokens.OTHER_ADMIN}"}
    targets = ["Message?$select=id", "Message(1)", "Message/$count", "Conversation?$expand=messages"]
    parts = parts_of(post(gateway, multipart(*(f"GET {t}" for t in targets)), Prefer="continue-on-error", **other))
    for target, part in zip(targets, parts, strict=True):
        reply = gateway.get(target, token=gateway.tokens.OTHER_ADMIN)
        got, expected = part.body, reply.body
        if part.status != 200:
            got, expected = part.json()["error"]["code"], reply.json()["error"]["code"]
        assert (part.status, got) == (reply.status, expected)


# --- hostile bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nothing", b"--b", b"--b\r\n", b"--bb\r\n\r\n--bb--", multipart("GET Label(1)")[:-6], b"-- b\r\n--b --", b"x--b--", b"\x00" * 1000,
        b"--b\r\n" * 900, multipart("GET Label(1)").replace(b"--b--", b"--b-"),
    ],
)  # fmt: skip
def test_a_body_that_may_have_been_cut_off_is_refused(gateway, body):
    reply = post(gateway, body)
    assert (reply.status, reply.json()["error"]["code"]) == (400, "Url.Syntax")


HEAD = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (b"", 415), (b"\r\n", 415), (b"\r\nGET Label(1) HTTP/1.1\r\n\r\n", 415), (b"Content-Type: text/plain\r\n\r\nGET Label(1) HTTP/1.1", 415),
        (HEAD, 400), (HEAD + b"GET", 400), (HEAD + b"GET Label(1)\r\n\r\n", 400), (HEAD + b"GET  HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"GET Label(1) HTTP/1.1\r\n\r\nbody", 400), (HEAD + b"GET Label(1) HTTP/1.1\r\nno header\r\n\r\n", 400),
        (HEAD + b"GET Label(1) HTTP/1.1\r\nA\x00: b\r\n\r\n", 400), (HEAD + b"GET Label(1) HTTP/1.1\r\nA: b\x00\r\n\r\n", 400),
        (HEAD + b"GET Label(1)\xff HTTP/1.1\r\n\r\n", 400), (HEAD + b"GET Label(%FF) HTTP/1.1\r\n\r\n", 400),
        (HEAD.replace(b"binary", b"base64") + b"R0VUIExhYmVs", 415), (HEAD + b"GET $batch HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"GET /v1.0/odata/$batch?a=b HTTP/1.1\r\n\r\n", 400), (HEAD + b"GET Label?a=" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (HEAD + b"GET Label HTTP/1.1\r\nAccept: " + b"a" * 33_000 + b"\r\n\r\n", 400), (HEAD + b"GET " + b" " * 500_000 + b"x\r\n\r\n", 400),
        (HEAD + b"GET //other.example/Label HTTP/1.1\r\n\r\n", 400), (HEAD + b"GET ../odata/Label HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"GET http:// HTTP/1.1\r\n\r\n", 404), (HEAD + b"GET Label#x HTTP/1.1\r\n\r\n", 400), (b" :\r\n" * 1000 + HEAD, 400),
    ],
)  # fmt: skip
def test_a_bad_part_fails_alone(gateway, part, status):
    good = b"--b\r\n" + HEAD + b"GET Label(1) HTTP/1.1\r\n\r\n"
    parts = parts_of(post(gateway, good + b"\r\n--b\r\n" + part + b"\r\n" + good + b"\r\n--b--", Prefer="continue-on-error"))
    assert [p.status for p in parts] == [200, status, 200]
    assert parts[1].json()["error"]["code"] and parts[1].headers["content-type"] == "application/json"


def test_an_id_that_is_there_twice_is_refused(gateway):
    parts = parts_of(post(gateway, multipart("Content-ID: a\nGET Label(1)", "Content-ID: a\nGET Label(2)"), Prefer="continue-on-error"))
    assert [part.status for part in parts] == [200, 400]


def test_an_id_cannot_add_headers_to_the_answer(gateway):
    body = multipart("GET Label(1)").replace(b"\r\n\r\n", b"\r\nContent-ID: a\r\n folded: b\r\n\r\n", 1)
    [part] = parts_of(post(gateway, body))
    assert part.mime["content-id"] == "a folded: b" and part.status == 200


# --- long answers -------------------------------------------------------------------------------------------------------------


def test_pages_of_any_length_go_through_whole(gateway):
    targets = ["Message?$select=id,content,created_at", "Conversation?$expand=messages", "Message?$top=700"]
    alone = [gateway.get(target).body for target in targets]
    assert [part.body for part in parts_of(post(gateway, multipart(*(f"GET {t}" for t in targets)), Accept_Encoding=""))] == alone
    answers = ask_json(gateway, *({"id": t, "method": "GET", "url": t} for t in targets))
    assert [answer["body"] for answer in answers] == [json.loads(body) for body in alone]


def test_a_thousand_parts(gateway):
    numbers = [n % 3 + 1 for n in range(1000)]
    parts = parts_of(post(gateway, multipart(*(f"GET Label({n})" for n in numbers))))
    assert [part.json()["id"] for part in parts] == numbers


def test_a_client_that_leaves_ends_its_batch(gateway):
    body = multipart(*["GET Message"] * 200)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    headers = {"Authorization": f"Bearer {gateway.tokens.ADMIN}", "Content-Type": "multipart/mixed;boundary=b"}
    connection.request("POST", PATH, body, headers)
    assert connection.getresponse().read(1000)
    connection.close()
    assert parts_of(post(gateway, multipart("GET Label(1)")))[0].status == 200


def test_the_number_of_parts_is_a_setting(dsn):
    with start_gateway(ODATA_DSN=dsn, ODATA_MAX_BATCH_PARTS="2") as gateway:
        assert len(parts_of(post(gateway, multipart(*["GET Label(1)"] * 2)))) == 2
        assert post(gateway, multipart(*["GET Label(1)"] * 3)).status == 413


def test_tokens_of_a_batch_and_its_parts_are_in_no_log_line(gateways, reader_dsn):
    with gateways(ODATA_DSN=reader_dsn, ODATA_LOG_LEVEL="debug") as gateway:
        token, foreign = gateway.tokens.ADMIN, "foreignToken0000000000042"
        requests = [
            f"GET Message(1)?apikey={token}", f"GET Nope?apikey={token}", f"GET Label(1)?apikey={foreign}", f"GET Label?apikey={token}&$filter=%%",
            f"GET Label(1)\nAuthorization: Bearer {foreign}", f"GET {token}", f"BREW {foreign}", f"GET Label\n{foreign}",
        ]  # fmt: skip
        for path, header in ((f"{PATH}?apikey={token}", ""), (PATH, f"Bearer {token}"), (f"{PATH}?apikey={foreign}", "")):
            reply = post(gateway, multipart(*requests), path=path, Authorization=header, Prefer="continue-on-error")
            assert foreign.encode() not in reply.body
        gateway.stop()
        assert "$batch" in gateway.log() and token not in gateway.log() and foreign not in gateway.log()
