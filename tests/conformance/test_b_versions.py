"""Versions and general headers."""

import pytest

V401 = {"OData-MaxVersion": "4.01"}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("Message?$top=1", 200),
        ("Nope", 404),
        ("Message/$count", 200),
        ("Conversation(2)/assignee", 204),
        ("Message?$filter=", 400),
        ("$metadata", 200),
    ],
)
def test_b01_every_answer_has_a_version(ask, target, status):
    assert ask(target, status).headers["odata-version"] == "4.0"


def test_b02_a_maximum_of_4_0_gives_4_0(ask):
    reply = ask("Message?$top=1&$count=true", headers={"OData-MaxVersion": "4.0"})
    assert reply.headers["odata-version"] == "4.0"
    assert list(reply.json()) == ["@odata.context", "@odata.count", "value"]


def test_b03_a_maximum_of_4_01_gives_4_01(ask):
    reply = ask("Message?$top=1", headers=V401)
    assert reply.headers["odata-version"] == "4.01"
    assert list(reply.json()) == ["@context", "value"]


@pytest.mark.parametrize("maximum", ["4.1", "5.0", "4.02", "10.0"])
def test_b04_a_higher_maximum_gives_the_greatest_version(ask, maximum):
    assert ask("Message?$top=1", headers={"OData-MaxVersion": maximum}).headers["odata-version"] == "4.01"


@pytest.mark.parametrize("maximum", ["3.0", "1.0", "3.99"])
def test_b05_a_maximum_below_4_0_fails(ask, maximum):
    ask.error("Message", 400, 406, headers={"OData-MaxVersion": maximum})


def test_b06_without_a_maximum_the_version_is_4_0(ask):
    reply = ask("Message?$top=1")
    assert reply.headers["odata-version"] == "4.0" and "@odata.context" in reply.json()


@pytest.mark.parametrize("maximum", ["four", "4.0.1", "-4.0", "4,0", ""])
def test_b07_a_malformed_maximum_is_a_bad_request(ask, maximum):
    ask.error("Message?$top=1", 400, headers={"OData-MaxVersion": maximum})


def test_b08_a_body_of_an_unknown_version_is_refused(ask):
    headers = {"OData-Version": "9.9", "Content-Type": "application/json"}
    reply = ask.gateway.ask("POST", "/v1.0/odata/$batch", headers, b'{"requests":[]}')
    assert (reply.status, reply.json()["error"]["code"]) == (400, "Url.Header")


@pytest.mark.parametrize("name", ["MaxDataServiceVersion", "DataServiceVersion"])
def test_b09_headers_of_old_versions_have_no_effect(ask, name):
    assert ask("Message?$top=1", headers={name: "3.0"}).headers["odata-version"] == "4.0"


def test_b10_vary_names_what_the_answer_depends_on(ask):
    vary = ask("Message?$top=1", headers=V401).headers["vary"].lower().replace(" ", "").split(",")
    assert {"accept", "odata-maxversion", "prefer"} <= set(vary)


@pytest.mark.parametrize(
    ("target", "media_type"),
    [
        ("", "application/json"),
        ("$metadata", "application/xml"),
        ("Label", "application/json"),
        ("Label(1)", "application/json"),
        ("Label(1)/title", "application/json"),
        ("Label(1)/title/$value", "text/plain"),
        ("Label/$count", "text/plain"),
        ("Conversation(1)/messages/$ref", "application/json"),
    ],
)
def test_b11_a_body_has_a_content_type(ask, target, media_type):
    assert ask(target).headers["content-type"].partition(";")[0] == media_type


def test_b12_the_content_type_names_the_metadata_level(ask):
    assert (
        ask("Message?$top=1", headers={"Accept": "application/json"}).headers["content-type"] == "application/json;odata.metadata=minimal"
    )


def test_b13_no_charset_unless_it_was_asked_for(ask):
    assert "charset" not in ask("Message?$top=1", headers={"Accept": "application/json"}).headers["content-type"]
    assert "charset=utf-8" in ask("Message?$top=1", headers={"Accept": "application/json;charset=utf-8"}).headers["content-type"].lower()


@pytest.mark.parametrize("name", ["OData-Isolation", "Isolation"])
def test_b14_isolation_that_cannot_be_kept_over_pages_is_412(ask, name):
    assert ask.error("Message", 412, headers={name: "snapshot"})["target"] == "OData-Isolation"


@pytest.mark.parametrize("preference", ["odata.maxpagesize=2", "maxpagesize=2", "maxpagesize=2;x=y", "Maxpagesize=2"])
def test_b15_preferences_with_and_without_prefix(ask, preference):
    reply = ask("Message", headers={"Prefer": preference})
    assert reply.headers["preference-applied"] == preference.partition(";")[0]
    assert len(reply.rows) == 2 and "@odata.nextLink" in reply.json()


def test_b16_custom_headers_are_never_needed(ask):
    reply = ask.gateway.ask("GET", "/v1.0/odata/Message?$top=1", {"Authorization": f"Bearer {ask.gateway.tokens.ADMIN}"})
    assert reply.status == 200


@pytest.mark.parametrize("target", ["Message?$top=1", "$metadata", "Message/$count", "Message(1)", ""])
def test_b17_head_is_get_without_a_body(ask, target):
    head, get = ask(target, method="HEAD"), ask(target)
    assert head.body == b""
    assert {name: head.headers[name] for name in ("content-type", "odata-version", "vary")} == {
        name: get.headers[name] for name in ("content-type", "odata-version", "vary")
    }


@pytest.mark.parametrize(
    ("path", "allowed"), [("Message", "GET, HEAD, OPTIONS"), ("$metadata", "GET, HEAD, OPTIONS"), ("$batch", "POST, OPTIONS")]
)
def test_b17_options_say_what_can_be_done(ask, path, allowed):
    reply = ask.gateway.ask("OPTIONS", f"/v1.0/odata/{path}", {})
    assert (reply.status, reply.headers["allow"], reply.body) == (204, allowed, b"")


@pytest.mark.parametrize("isolation", ["snapshot", "SNAPSHOT", "serializable", ""])
@pytest.mark.parametrize("target", ["Message(1)", "Message/$count", "Message?$top=1", "Message(1)/id"])
def test_b14_no_isolation_is_promised_that_is_not_kept(ask, isolation, target):
    assert ask.error(target, 412, headers={"OData-Isolation": isolation})["target"] == "OData-Isolation"


@pytest.mark.parametrize(
    ("maximum", "version"),
    [
        ("06.28", "4.01"),
        ("4", "4.0"),
        ("004.0", "4.0"),
        ("4.00", "4.0"),
        ("04.01", "4.01"),
        ("4.010", "4.01"),
        ("4.009", "4.0"),
        ("12345678901.5", "4.01"),
    ],
)
def test_b04_a_version_is_a_number(ask, maximum, version):
    for target in ("Label(1)", "Label?$top=1", "", "$metadata", "Label/$count"):
        assert ask(target, headers={"OData-MaxVersion": maximum}).headers["odata-version"] == version, target


@pytest.mark.parametrize("body_version", ["04.0", "4.00", "4.01", "04.010"])
def test_b08_the_version_of_a_body_is_a_number(ask, body_version):
    headers = {"OData-Version": body_version, "Content-Type": "application/json", "Authorization": f"Bearer {ask.gateway.tokens.ADMIN}"}
    assert ask.gateway.ask("POST", "/v1.0/odata/$batch", headers, b'{"requests":[]}').status == 200
    assert ask("Label(1)", headers={"OData-Version": body_version}).headers["odata-version"] == "4.0"


@pytest.mark.parametrize("maximum", ["4.", ".4", "3.99", "03.9", "4.0.", "0x4"])
def test_b05_what_is_no_version_number_or_too_low_is_refused(ask, maximum):
    assert ask.error("Label(1)", 400, headers={"OData-MaxVersion": maximum})["target"] == "OData-MaxVersion"
