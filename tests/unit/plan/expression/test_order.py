"""$top and $skip are whole numbers wherever they stand."""

import pytest
from odata_gateway.errors import ODataError
from tests.harness.binding import bound


@pytest.mark.parametrize("number", ["NaN", "INF", "-INF", "1.5", "9223372036854775808"])
@pytest.mark.parametrize("option", ["$top", "$skip"])
@pytest.mark.parametrize(
    "request_",
    [
        "Conversation?{}",
        "Conversation?$expand=messages({})",
        "Conversation/$count?$expand=messages({})",
        "Conversation?$expand=messages/$ref({})",
        "Conversation?$expand=messages($apply=groupby((status));{})",
        "Inbox?$expand=conversations($expand=messages({}))",
        "$crossjoin(Message,Conversation)?$expand=Conversation($expand=messages({}))",
    ],
)
def test_a_number_of_rows_that_is_not_a_whole_number_is_refused(request_, option, number):
    with pytest.raises(ODataError) as caught:
        bound(request_.format(f"{option}={number}"))
    assert caught.value.status == 400
