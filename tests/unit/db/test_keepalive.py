"""A connection notices that its host has died without a word: the options of its socket, from the DSN or as they are by themselves.

That the kernel then does what tcp(7) says is not tested here: a proxy that stalls cannot stand for a dead host, since its own kernel answers.
"""

from __future__ import annotations

import socket

import pytest
from odata_gateway.db.bound_statement import BoundStatement
from odata_gateway.db.database import Database
from odata_gateway.db.keepalive import keepalive_options
from odata_gateway.db.settings import DatabaseSettings
from odata_gateway.errors import DbUnavailable

TCP = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, TCP),
        ({"keepalives": "0"}, {"TCP_USER_TIMEOUT": 20_000}),
        ({"tcp_user_timeout": "0", "keepalives_count": "9"}, {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 9}),
        ({"keepalives_idle": "60", "keepalives_interval": "0"}, {"TCP_KEEPIDLE": 60, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}),
        ({"sslmode": "require", "keepalives_idle": ""}, TCP),
    ],
)
def test_parameters_mean_what_they_mean_to_libpq(parameters, expected):
    assert keepalive_options(parameters) == expected


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "٣", "9999999999", "32768"])
def test_what_is_no_number_or_more_than_the_kernel_takes_is_refused(text):
    with pytest.raises(ValueError, match="keepalives_idle must be seconds"):
        keepalive_options({"keepalives_idle": text})


async def options_of(dsn):
    """The options a connection to that DSN has in force, those of TCP 0 where it has none."""
    database = await Database.open(DatabaseSettings(dsn))
    async with database.session() as session:
        assert (await session.fetch(BoundStatement("SELECT 1")))[0][0] == 1
        sock = session._pooled.connection._transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX:
            found = {}
        else:
            found = {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in TCP if hasattr(socket, name)}
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    await database.close()
    return found


async def test_every_connection_asks_whether_its_host_is_there(cluster):
    dsn = f"postgresql://odata_reader@127.0.0.1:{cluster.port}/live_agent"
    there = {name: value for name, value in TCP.items() if hasattr(socket, name)}
    assert await options_of(dsn) == there
    assert await options_of(f"{dsn}?keepalives_idle=7&tcp_user_timeout=9000") == there | {"TCP_KEEPIDLE": 7, "TCP_USER_TIMEOUT": 9000}
    assert await options_of(cluster.dsn(user="odata_reader") + "&keepalives=1") == {}


async def test_a_parameter_that_is_no_number_is_told(cluster, caplog):
    database = await Database.open(DatabaseSettings(f"postgresql://odata_reader@127.0.0.1:{cluster.port}/live_agent?keepalives_idle=x"))
    with pytest.raises(DbUnavailable):
        async with database.session():
            pass
    assert "keepalives_idle must be seconds" in caplog.text
    await database.close()
