"""What a log line may say of a URL: names and kinds, no values."""

from urllib.parse import quote

import pytest
from odata_gateway.url.normalize import normalize
from odata_gateway.url.redact import redact, redact_target
from odata_gateway.url.split import split


def shown_url(target):
    return redact(normalize(split(target, max_bytes=10_000))[0].key)


@pytest.mark.parametrize(
    ("target", "options", "template"),
    [
        ("Message?$filter=contains(content,'Ann') and id eq 7&apikey=TOKEN&$top=5", "filter",
         "Message?$filter=contains(content,{string}) and id eq {int32}&$top={int64}"),
        ("Message(42)", "none", "Message({int32})"),
        ("Message/42", "none", "Message/{raw}"),
        ("Message?$search=secret&$skiptoken=x.y&$format=json", "search", "Message?$search=WORD{word}&$skiptoken=&$format="),
        ("Conversation?$expand=messages($filter=id gt 5;$top=3)&$orderby=id", "expand",
         "Conversation?$expand=messages($filter=id gt {int32};$top={int64})&$orderby=id"),
        ("Message/$filter(@f)/$count?@f=id eq 1", "filter", "Message/$filter(@f)/$count?@f=id eq {int32}"),
        ("Message?$apply=filter(id eq 3)/aggregate($count as n)", "apply", "Message?$apply=filter(id eq {int32})/aggregate($count as n)"),
        ("Message?orderby=id&other=secret", "orderby", "Message?$orderby=id"),
    ],
)  # fmt: skip
def test_values_are_left_out_and_names_stay(target, options, template):
    assert shown_url(target) == (options, template)


def test_what_is_as_long_as_a_token_is_left_out_wherever_it_stands():
    token = "canary000001Zq7TokenOfNobody"
    assert token not in shown_url(f"Message?$compute=id as {token}&$filter={token} eq 1").template


def test_a_template_is_one_printable_line():
    template = shown_url("Message?$filter=é eq 'x'&@ü=1").template
    assert template.isascii() and template.isprintable()


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/v1.0/odata/Message?$filter=name eq 'Ann'&apikey=K", "/v1.0/odata/Message [$filter,apikey]"),
        ("/v1.0/odata/Message(1)", "/v1.0/odata/Message(1)"),
        ("/v1.0/odata/Message?", "/v1.0/odata/Message"),
        ("/v1.0/odata/Message?%24top=5&&x", "/v1.0/odata/Message [$top,*]"),
        ("/v1.0/odata/Message&apikey=K?$top=1", "/v1.0/odata/Message&* [$top]"),
        ("/v1.0/odata/Message%26apikey=K", "/v1.0/odata/Message&*"),
        ("/v1.0/odata/Message?apikey%3DK=1", "/v1.0/odata/Message [*]"),
    ],
)
def test_a_target_is_its_path_and_the_names_of_its_options(target, shown):
    assert redact_target(target) == shown


TOKEN = "canary000001Zq7TokenOfNobody"


@pytest.mark.parametrize("written", [TOKEN, quote(TOKEN), "".join(f"%{ord(c):02X}" for c in TOKEN), TOKEN[:9] + "%5A" + TOKEN[10:]])
@pytest.mark.parametrize("target", ["/{}", "/v1.0/odata/{}?x=1", "/v1.0/odata/Message?{}=1", "/v1.0/odata/Message?a=1&x{}"])
def test_what_is_as_long_as_a_token_is_left_out_of_targets(target, written):
    shown = redact_target(target.format(written))
    assert "*" in shown and written not in shown and TOKEN not in shown


def test_templates_and_targets_have_one_rule_and_one_limit():
    short, token = "a" * 19, "a" * 20
    for shown in (redact_target, lambda target: redact(target).template):
        assert short in shown(f"/x/{short}") and token not in shown(f"/x/{token}")
        assert len(shown("/x-" + "a-" * 5000)) == 2000


def test_a_target_is_one_printable_line():
    shown = redact_target("/a\nb\u2028\udcff?%0Ax=1")
    assert shown.isprintable() and shown.isascii()
