"""Times in the zone that a client names: output, functions, groups, links and files, against Python's zoneinfo."""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pytest
from odata_gateway.formats.registry import DEFAULT_ENCODING
from odata_gateway.sql.statement import StatementVariant
from tests.harness.cluster import READER, Cluster
from tests.harness.inside import Inside, inside
from tests.harness.read_back import csv_table

ZONES = (
    *("Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Chatham"),
)
DATABASE = "time_zones"
PARTS = ["date", "time", "year", "month", "day", "hour", "minute", "second", "totaloffsetminutes"]


def instants() -> list[datetime]:
    """Times around the changes of clocks in these zones, to the microsecond, and some between."""
    made = random.Random(7)
    found = []
    for zone in map(ZoneInfo, ZONES):
        at = datetime(2005, 1, 1, tzinfo=UTC)
        while at.year < 2024:
            following = at + timedelta(hours=6)
            if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
                found += [at + timedelta(minutes=30 * n, microseconds=made.randrange(10**6)) for n in range(0, 13, 2)]
            at = following
    return made.sample(found, 300)


@pytest.fixture(scope="module")
def times() -> list[datetime]:
    return instants()


@pytest.fixture(scope="module")
def dsn(cluster: Cluster, reader_url: Callable[[str], str], times: list[datetime]) -> Iterator[str]:
    cluster.load(DATABASE)
    rows = ",".join(f"({n},'{at:%Y-%m-%d %H:%M:%S.%f}',now(),1,1,1,0)" for n, at in enumerate(times, 1))
    cluster.psql(
        DATABASE,
        "DELETE FROM messages; INSERT INTO messages (id,created_at,updated_at,account_id,inbox_id,conversation_id,message_type) "
        f"VALUES {rows}; ANALYZE messages; GRANT SELECT ON messages TO {READER}",
    )
    yield reader_url(DATABASE)
    cluster.psql("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
async def served(dsn: str) -> AsyncIterator[Inside]:
    async with inside(dsn) as gateway:
        yield gateway


def shown(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")


def clock(at: datetime, zone: str) -> dict[str, object]:
    """What the functions say of a time."""
    local = at.astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None
    parts = (local.year, local.month, local.day, local.hour, local.minute, local.second, offset // timedelta(minutes=1))
    texts = (local.date().isoformat(), local.time().isoformat(timespec="microseconds"))
    return dict(zip(PARTS, (*texts, *parts), strict=True))


async def test_each_time_has_the_offset_and_the_clock_of_its_zone(served, times):
    """Ten zones in one cache of statements, asked at the same time, do not mix."""
    computed = ",".join(f"{part}(created_at) as {part}" for part in PARTS)
    target = f"Message?$select=created_at,{','.join(PARTS)},text&$compute={computed},cast(created_at,Edm.String) as text"

    async def check(zone: str) -> None:
        answer = await served.ask(target, headers={"Prefer": f"timezone={zone}", "Accept": "application/json;odata.metadata=none"})
        assert dict(answer.headers)["Preference-Applied"] == f"timezone={zone}"
        wanted = [{"created_at": shown(at, zone), **clock(at, zone), "text": shown(at, zone)} for at in times]
        assert answer.json()["value"] == wanted, zone

    await asyncio.gather(*map(check, ZONES))
    plain = (await served.ask("Message?$select=created_at&$top=1")).json()["value"]
    assert plain == [{"@odata.id": "Message(1)", "created_at": f"{times[0]:%Y-%m-%dT%H:%M:%S.%f}Z"}]


@pytest.mark.parametrize("zone", ZONES[:4])
async def test_groups_and_conditions_follow_the_zone(served, times, zone):
    headers = {"Prefer": f'timezone="{zone}"'}
    days = Counter(at.astimezone(ZoneInfo(zone)).date().isoformat() for at in times)
    rows = (await served.ask("Message?$apply=compute(date(created_at) as d)/groupby((d),aggregate($count as n))", headers=headers)).json()
    assert {row["d"]: row["n"] for row in rows["value"]} == days
    day, number = days.most_common(1)[0]
    assert (await served.ask(f"Message/$count?$filter=date(created_at) eq {day}", headers=headers)).body == str(number).encode()
    hours = sum(at.astimezone(ZoneInfo(zone)).hour < 3 for at in times)
    assert (await served.ask(f"Message/$count?$filter=hour(created_at) lt 3&timezone={zone}")).body == str(hours).encode()


async def test_a_link_keeps_its_zone_whatever_is_preferred_later(served, times):
    zone = "Australia/Lord_Howe"
    found, link = [], "Message?$select=created_at&$filter=minute(created_at) lt 30&$orderby=date(created_at),id"
    headers = {"Prefer": f"timezone={zone},maxpagesize=20"}
    while link:
        page = (await served.ask(link, headers=headers)).json()
        found += [row["created_at"] for row in page["value"]]
        link, headers = page.get("@odata.nextLink"), {"Prefer": "timezone=Europe/Berlin"}
    local = [at for at in times if at.astimezone(ZoneInfo(zone)).minute < 30]
    assert found == [shown(at, zone) for at in sorted(local, key=lambda at: (at.astimezone(ZoneInfo(zone)).date(), times.index(at)))]


async def test_links_inside_rows_keep_it_too(served):
    answer = await served.ask(
        "Inbox?$top=1&$select=id&$expand=messages($select=created_at)", headers={"Prefer": "timezone=Asia/Tehran,maxpagesize=2"}
    )
    [row] = answer.json()["value"]
    assert "&timezone=Asia/Tehran&$skiptoken=" in row["messages@odata.nextLink"]
    following = (await served.ask(row["messages@odata.nextLink"])).json()["value"]
    assert all(each["created_at"][-6:] in ("+03:30", "+04:30") for each in (*row["messages"], *following))


async def test_files_have_it(served, times):
    zone = "America/New_York"
    target = f"Message?$select=id,created_at&timezone={zone}&$format="
    wanted = [shown(at, zone) for at in times]
    assert [row[1] for row in csv_table((await served.ask(f"{target}csv")).body)[1]] == wanted
    lines = (await served.ask(f"{target}ndjson")).body.splitlines()
    assert [json.loads(line)["created_at"] for line in lines] == wanted
    table = pa.ipc.open_stream((await served.ask(f"{target}arrow")).body).read_all()
    assert (
        str(table.schema.field("created_at").type) == f"timestamp[us, tz={zone}]"
        and [at.astimezone(UTC) for at in table.column("created_at").to_pylist()] == times
    )
    sheet = openpyxl.load_workbook(io.BytesIO((await served.ask(f"{target}xlsx")).body)).worksheets[0]
    read = [row[1].value for row in sheet.iter_rows(min_row=2)]
    local = [at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in times]
    assert all(abs(one - other) <= timedelta(milliseconds=1) for one, other in zip(read, local, strict=True))
    assert wanted[2] in (await served.ask(f"{target}table&$top=5")).body.decode()


async def test_single_values(served, times):
    headers = {"Prefer": "timezone=Europe/Berlin"}
    wanted = shown(times[0], "Europe/Berlin")
    answer = await served.ask("Message(1)/created_at", headers=headers)
    assert answer.json()["value"] == wanted and dict(answer.headers)["Preference-Applied"] == "timezone=Europe/Berlin"
    assert (await served.ask("Message(1)/created_at/$value", headers=headers)).body.decode() == wanted
    assert (await served.ask("Message(1)?$select=created_at", headers=headers)).json()["created_at"] == wanted


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("berlin", "did you mean Europe/Berlin?"),
        ("FOOBAR1", "write it like Europe/Berlin"),
    ],
)
async def test_an_unknown_zone_is_refused_with_the_nearest_name(served, name, hint):
    for answer in (
        await served.ask("Message?$top=1", headers={"Prefer": f"timezone={name}"}),
        await served.ask(f"Message?$top=1&timezone={name}", way="json batch"),
    ):
        assert answer.status == 400 and answer.json()["error"]["details"][0]["message"] == hint


async def test_the_setting_is_the_zone_of_clients_that_name_none(dsn, times):
    async with inside(dsn, ODATA_TIMEZONE="Pacific/Apia") as gateway:
        for headers, zone in (({}, "Pacific/Apia"), ({"Prefer": "timezone=asia/tehran"}, "Asia/Tehran")):
            answer = await gateway.ask("Message?$top=3&$select=created_at", headers=headers)
            assert [row["created_at"] for row in answer.json()["value"]] == [shown(at, zone) for at in times[:3]]
        answer = await gateway.ask("Message?$top=1&$select=created_at", headers={"Prefer": "timezone=utc"})
        assert answer.json()["value"][0]["created_at"].endswith("Z") and dict(answer.headers)["Preference-Applied"] == "timezone=utc"


async def test_a_range_stays_on_its_index_and_literals_in_their_own_zone(served):
    target = "Message/$count?$filter=created_at ge 2010-06-01T00:00:00%2B02:00"
    assert (await served.ask(target)).body == (await served.ask(f"{target}&timezone=Asia/Tehran")).body
    compiled = served.service.compiler.compile("Message?$filter=created_at ge 2010-06-01T00:00:00Z&$select=created_at")
    text = compiled.statement("rows", StatementVariant(DEFAULT_ENCODING, zoned=True)).text
    assert 't0."created_at" >= $' in text.partition("WHERE")[2]
    answer = await served.ask("Message?$top=1&$select=h&$compute=hour(2010-06-01T10:00:00Z) as h&timezone=Asia/Tehran")
    assert answer.json()["value"][0]["h"] == 10


@pytest.mark.parametrize(
    "condition",
    [
        "created_at ge 2010-06-01T00:00:00%2B02:00 and created_at lt 2010-07-01T00:00:00Z",
        "created_at eq 2010-06-01T00:00:00Z",
        "created_at in (2010-06-01T00:00:00Z,2011-06-01T00:00:00%2B02:00)",
        "created_at gt 2010-06-01T00:00:00Z&$orderby=created_at desc,id",
    ],
)
async def test_postgres_finds_a_range_by_its_index_in_every_zone(dsn, cluster, condition):
    """The plan's condition of the index, where nothing but the size of this table speaks against one."""
    cluster.psql(
        DATABASE,
        f"CREATE INDEX IF NOT EXISTS by_time ON messages (created_at); ALTER ROLE {READER} IN DATABASE {DATABASE} SET enable_seqscan = off",
    )
    async with inside(dsn, ODATA_PLAN_CALLERS="1") as gateway:
        plans = []
        for zone in ("", "&timezone=America/St_Johns", "&timezone=Pacific/Apia"):
            answer = await gateway.ask(
                f"Message?$filter={condition}&$select=created_at{zone}&$format=application/vnd.odata-gateway.plan%2Bjson"
            )
            assert answer.status == 200, answer.body
            plans.append(sorted(re.findall(rb'"Index Cond": ?"([^"]*created_at.*?)"', answer.body)))
        assert plans[0] and plans[0] == plans[1] == plans[2], plans


async def test_the_ends_of_time_and_offsets_with_seconds(served):
    """Before 1972 some zones had offsets with seconds, which no text has: hour and minute are those of the text."""
    for literal, text in (
        ("1890-01-01T00:00:00Z", "1890-01-01T00:53:00.000000+00:53"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:53:00.000000+00:53"),
        ("9999-12-31T23:59:59Z", "10000-01-01T00:59:59.000000+01:00"),
    ):
        moved = f"case(id eq 1:{literal},true:created_at)"
        answer = await served.ask(f"Message(1)?$select=x,h&$compute={moved} as x,hour({moved}) as h&timezone=Europe/Berlin")
        assert (answer.json()["x"], answer.json()["h"]) == (text, 0), answer.body
    answer = await served.ask("Message(1)?$select=x,y&$compute=mindatetime() as x,maxdatetime() as y&timezone=America/New_York")
    assert answer.status == 200 and answer.json()["y"].endswith("+00:00")
