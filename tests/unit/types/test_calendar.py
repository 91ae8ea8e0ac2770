"""Days and times as whole numbers agree with Python's calendar and with Postgres's."""

import datetime as dt

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odata_gateway.types.calendar import (
    FIRST_DAY,
    LAST_DATE,
    LAST_DAY,
    MICROS_PER_DAY,
    civil_from_days,
    days_from_civil,
    iso_clock,
    iso_date,
    postgres_date,
    postgres_timestamp,
    rounded,
)
from odata_gateway.types.faults import ValueFault

DAYS = [FIRST_DAY, -719_529, -719_528, -719_163, -719_162, -1, 0, 18_954, 2_932_896, 2_932_897, LAST_DAY]


@given(st.dates())
def test_days_agree_with_the_calendar(date):
    assert days_from_civil(date.year, date.month, date.day) == date.toordinal() - 719163
    assert iso_date(date.toordinal() - 719163) == date.isoformat()


@given(st.integers(-(10**6), 10**6), st.integers(1, 12), st.integers(1, 28))
def test_the_calendar_repeats_every_400_years(year, month, day):
    assert days_from_civil(year + 400, month, day) - days_from_civil(year, month, day) == 146_097


@given(st.integers(-(10**9), 10**9))
def test_a_day_is_counted_and_written_and_counted_again(days):
    assert days_from_civil(*civil_from_days(days)) == days


@given(st.times())
def test_times_are_written_with_six_digits(time):
    micros = (dt.datetime.combine(dt.date(1970, 1, 1), time) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    assert iso_clock(micros, False) == time.isoformat("microseconds")
    assert iso_clock(micros, True) == time.isoformat("microseconds") + "1"


@pytest.mark.parametrize(
    ("days", "iso"), [(-719_162, "0001-01-01"), (-719_528, "0000-01-01"), (-719_529, "-0001-12-31"), (2_932_897, "10000-01-01")]
)
def test_years_before_1_are_written_as_iso_8601_does(days, iso):
    assert iso_date(days) == iso


async def test_postgres_reads_what_is_written_for_it(dsn):
    connection = await asyncpg.connect(dsn)
    for days in DAYS:
        assert await connection.fetchval("SELECT $1::text::date - date '1970-01-01'", postgres_date(days)) == days
        moment = postgres_timestamp(days * MICROS_PER_DAY + 1)
        assert await connection.fetchval("SELECT $1::text::timestamp::date - date '1970-01-01'", moment) == days
        assert await connection.fetchval("SELECT $1::text::timestamp::time = time '00:00:00.000001'", moment)
    await connection.close()


@pytest.mark.parametrize(("last", "write", "unit"), [(LAST_DATE, postgres_date, 1), (LAST_DAY, postgres_timestamp, MICROS_PER_DAY)])
def test_days_that_postgres_has_not_are_refused(last, write, unit):
    for value in ((FIRST_DAY - 1) * unit, (last + 1) * unit):
        with pytest.raises(ValueFault, match="the date is out of range") as caught:
            write(value)
        assert caught.value.reason == "value"


def test_a_finer_time_is_rounded_to_the_side_that_keeps_an_order_right():
    assert [rounded(7, True, mode) for mode in ("floor", "ceil", "cast", "utc")] == [7, 8, 7, 7]
    assert rounded(7, False, "exact") == 7
    assert rounded(7, True, "exact") is None  # which nothing equals
    with pytest.raises(ValueFault, match="kept to the microsecond"):
        rounded(7, True, "value")
