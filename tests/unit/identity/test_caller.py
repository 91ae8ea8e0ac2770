"""A caller is a value: what decides the form of its SQL, and nothing else."""

from dataclasses import FrozenInstanceError

import pytest
from odata_gateway.identity.caller import Caller


@pytest.mark.parametrize(("accounts", "one"), [((7,), True), ((1, 2), False), (tuple(range(100)), False)])
def test_a_caller_with_one_account_is_told_from_one_with_several(accounts, one):
    assert Caller("1", accounts).has_one_account is one


def test_callers_are_values():
    assert Caller("1", (1, 2)) == Caller("1", (1, 2)) != Caller("2", (1, 2))
    assert len({Caller("1", (1,)), Caller("1", (1,))}) == 1
    with pytest.raises(FrozenInstanceError):
        Caller("1", (1,)).subject = "2"
