"""The hosts of a DSN: which there are, in which order they are tried, and which kind is wanted. tests/trust/test_t15_replicas.py connects to them."""

from __future__ import annotations

import pytest
from odata_gateway.db import hosts as module
from odata_gateway.db.hosts import Hosts, split_hosts


@pytest.mark.parametrize(
    ("dsn", "hosts", "wanted"),
    [
        ("postgresql://u:p@h1:5432/db", ["u:p@h1:5432"], "any"),
        ("postgresql://u@h1:1,h2:2/db?target_session_attrs=standby", ["u@h1:1", "u@h2:2"], "standby"),
        ("postgresql://h1,h2,h3/db?sslmode=require", ["h1", "h2", "h3"], "any"),
        ("postgresql://u:a%40b@h1,h2/db", ["u:a%40b@h1", "u:a%40b@h2"], "any"),
    ],
)
def test_each_host_has_a_dsn(dsn, hosts, wanted):
    dsns, attributes = split_hosts(dsn)
    assert [one.partition("//")[2].partition("/")[0] for one in dsns] == hosts
    assert attributes == wanted and not any("target_session_attrs" in one for one in dsns)


def test_hosts_may_be_parameters():
    dsns, _ = split_hosts("postgresql:///db?host=/run/a,h2&port=1,2&user=u")
    assert [one.partition("?")[2] for one in dsns] == ["host=%2Frun%2Fa&port=1&user=u", "host=h2&port=2&user=u"]


def test_the_kind_may_be_in_the_environment(monkeypatch):
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "prefer-standby")
    assert split_hosts("postgresql://h1/db")[1] == "prefer-standby"
    assert split_hosts("postgresql://h1/db?target_session_attrs=any")[1] == "any"


def test_options_of_the_socket_are_not_for_the_server():
    hosts = Hosts("postgresql://h1/db?keepalives_idle=7&sslmode=require")
    assert hosts.dsns == ("postgresql://h1/db?sslmode=require",) and hosts.keepalive["TCP_KEEPIDLE"] == 7


@pytest.mark.parametrize("dsn", ["postgresql://h/db?target_session_attrs=fastest", "postgresql://h/db?keepalives_idle=x"])
def test_a_dsn_that_cannot_be_used_is_refused(dsn):
    with pytest.raises(ValueError, match="must be"):
        Hosts(dsn)


@pytest.mark.parametrize(
    ("attributes", "prefers", "kind"),
    [("any", False, "primary"), ("standby", False, "standby"), ("prefer-standby", True, "standby"), ("read-write", False, "primary")],
)
def test_the_kind_that_is_wanted(attributes, prefers, kind):
    hosts = Hosts(f"postgresql://h1/db?target_session_attrs={attributes}")
    assert (hosts.prefers, hosts.kind) == (prefers, kind)


def test_a_host_that_failed_comes_last_for_a_while(monkeypatch):
    hosts = Hosts("postgresql://h1,h2,h3/db")
    h1, h2, h3 = hosts.dsns
    assert hosts.in_order() == [h1, h2, h3]
    hosts.note_failure(h1)
    assert hosts.in_order() == [h2, h3, h1] and hosts.failed_lately(h1)
    hosts.note_failure(h2)
    assert hosts.in_order() == [h3, h1, h2]
    hosts.note_answer(h1)
    assert hosts.in_order() == [h1, h3, h2]
    monkeypatch.setattr(module, "REMEMBERED_S", 0)
    assert hosts.in_order() == [h1, h2, h3]
