"""The table of settings: every field has a row, and its default is a value."""

from dataclasses import FrozenInstanceError, fields

import pytest
from odata_gateway.config.settings import SETTINGS, Settings


def test_table_lists_every_field_with_a_text():
    assert [setting.name for setting in SETTINGS] == [item.name for item in fields(Settings)]
    assert all(len(setting.doc) > 10 for setting in SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_default_text_reads_as_the_default_value(setting):
    assert setting.read(setting.default) == getattr(Settings(), setting.name)


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1
