"""What a log line may say of a URL: names and kinds, no values."""

import pytest
from odata_gateway.url.normalize import normalize
from odata_gateway.url.redact import redact
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
