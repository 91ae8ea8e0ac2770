"""Postgres has infinite times, OData has none: what reads a part of one is null, in every clause."""

from odata_gateway.types.registry import FUNCTIONS


def test_functions_of_times_may_be_null_and_others_follow_their_arguments():
    missing = {s.id for overloads in FUNCTIONS.values() for s in overloads if s.misses_infinity}
    assert {"year.date", "hour.datetime", "time.datetime", "fractionalseconds.datetime"} <= missing
    assert missing.isdisjoint({"length", "hour.time", "totalseconds", "now", "round.decimal"})
