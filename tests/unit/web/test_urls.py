"""Which part of a request target is the service's, and the root URL that begins every link."""

from ipaddress import ip_network

import pytest
from odata_gateway.config.settings import Settings
from odata_gateway.errors import UrlHeader
from odata_gateway.web.urls import Peer, path_of, root_url, service_target

PROXY = Peer("127.0.0.1", "127.0.0.1:3001")
STRANGER = Peer("203.0.113.9", "10.0.0.1:3001")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1.0/odata", ""),
        ("/v1.0/odata/", ""),
        ("/v1.0/odata?apikey=K", "?apikey=K"),
        ("/v1.0/odata/?apikey=K", "?apikey=K"),
        ("/v1.0/odata/Message('a%2Fb')?$filter=a%27+%25", "Message('a%2Fb')?$filter=a%27+%25"),
        ("/v1.0/odata/Message?x=/v1.0/odata/", "Message?x=/v1.0/odata/"),
        ("/v1.0/odatax", None),
        ("/v9.9/odata/Message", None),
        ("/", None),
        ("/v1.0", None),
    ],
)
def test_service_target_is_the_text_after_the_root(target, expected):
    assert service_target(target) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("/a?b", "/a?b"), ("http://host:1/a?b", "/a?b"), ("HTTPS://host", "/"), ("http://host?b", "/?b"), ("*", "*")],
)
def test_absolute_form_loses_its_origin(raw, expected):
    assert path_of(raw) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "h:8080"}, "http://h:8080"),
        ({"host": "h:80"}, "http://h:80"),
        ({"host": "[::1]:3001"}, "http://[::1]:3001"),
        ({}, "http://127.0.0.1:3001"),
        ({"host": "in:3001", "x-forwarded-proto": "https", "x-forwarded-host": "out.example.com"}, "https://out.example.com"),
        ({"host": "h", "x-forwarded-proto": "https, http"}, "https://h"),
        ({"host": "h:80", "x-forwarded-proto": "https"}, "https://h"),
        ({"host": "h", "x-forwarded-proto": "https", "x-forwarded-port": "80"}, "https://h"),
        ({"host": "h", "x-forwarded-proto": "https", "x-forwarded-port": "443"}, "https://h"),
        ({"host": "h", "x-forwarded-proto": "https", "x-forwarded-port": "8443"}, "https://h:8443"),
        ({"host": "h:8443", "x-forwarded-proto": "https", "x-forwarded-port": "443"}, "https://h:8443"),
        ({"host": "h", "x-forwarded-proto": "gopher"}, "http://h"),
        ({"host": "h", "x-forwarded-prefix": "/team/odata-x/"}, "http://h/team/odata-x"),
        ({"host": "h", "x-forwarded-prefix": "/"}, "http://h"),
    ],
)
def test_trusted_proxy_tells_the_root(headers, expected):
    assert root_url(headers, PROXY, Settings()) == expected + "/v1.0/odata/"


def test_forwarded_headers_of_a_stranger_are_not_believed():
    headers = {"host": "h", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example.com", "x-forwarded-prefix": "/x"}
    assert root_url(headers, STRANGER, Settings()) == "http://h/v1.0/odata/"
    trusting = Settings(trusted_proxies=(ip_network("203.0.113.0/24"),))
    assert root_url(headers, STRANGER, trusting) == "https://evil.example.com/x/v1.0/odata/"
    assert root_url(headers, Peer("::ffff:203.0.113.9", "x"), trusting) == "https://evil.example.com/x/v1.0/odata/"


def test_public_url_goes_before_everything():
    headers = {"host": "h", "x-forwarded-host": "other"}
    for url in ("https://o.example.com/team", "https://o.example.com/team/v1.0/odata"):
        assert root_url(headers, PROXY, Settings(public_url=url)) == "https://o.example.com/team/v1.0/odata/"


def test_protocol_setting_is_the_scheme_a_proxy_does_not_tell():
    assert root_url({"host": "h"}, STRANGER, Settings(protocol="https")) == "https://h/v1.0/odata/"
    assert root_url({"host": "h", "x-forwarded-proto": "http"}, PROXY, Settings(protocol="https")) == "http://h/v1.0/odata/"


@pytest.mark.parametrize("host", ["a b", "h/x", "h:port", "h:123456", "user@h", 'h"', "h, h", "é"])
def test_host_that_is_none_is_refused(host):
    with pytest.raises(UrlHeader):
        root_url({"host": host}, PROXY, Settings())


def test_bad_prefix_is_refused():
    with pytest.raises(UrlHeader):
        root_url({"host": "h", "x-forwarded-prefix": "//evil.example.com/"}, PROXY, Settings())
