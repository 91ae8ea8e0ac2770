"""How many requests of one token run at the same time."""

import pytest
from odata_gateway.errors import LimitRequests
from odata_gateway.web.concurrency_limit import ConcurrencyLimit


def test_one_request_too_many_of_a_token_is_refused():
    limit = ConcurrencyLimit(2)
    limit.enter(1, "a")
    limit.enter(2, "a")
    limit.enter(3, "b")
    with pytest.raises(LimitRequests) as refused:
        limit.enter(4, "a")
    assert refused.value.hint == "raise ODATA_MAX_TOKEN_REQUESTS to allow more"
    limit.leave(1)
    limit.enter(5, "a")


def test_leaving_counts_once_and_forgets_the_token():
    limit = ConcurrencyLimit(1)
    limit.enter(1, "a")
    for _ in range(3):
        limit.leave(1)
    limit.leave(2)
    limit.enter(3, "a")
    with pytest.raises(LimitRequests):
        limit.enter(4, "a")
