"""The table of errors: stable codes, statuses by stage, and one sentence each."""

import inspect

import pytest
from odata_gateway import errors
from odata_gateway.errors import STAGES, ODataError, UrlSyntax, all_codes, nearest

CODES = all_codes()


def test_every_class_has_a_code_of_its_own():
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, ODataError) and cls is not ODataError]
    assert len(CODES) == len(classes) and set(CODES.values()) == set(classes)
    assert all("code" in vars(cls) and "status" in vars(cls) for cls in classes)


@pytest.mark.parametrize("code", CODES)
def test_a_code_names_its_stage_and_its_class(code):
    stage, name = code.split(".")
    assert stage in STAGES
    assert CODES[code].__name__ in (stage + name, stage)


@pytest.mark.parametrize("code", CODES)
def test_a_status_fits_its_stage(code):
    """What the client must change is 4xx; what it cannot change is 5xx."""
    stages = {"Unsupported": (501, 501), "Db": (400, 504), "Internal": (500, 500), "Auth": (401, 403)}
    expected = (503, 503) if code == "Auth.Unavailable" else stages.get(code.split(".")[0], (400, 431))
    assert expected[0] <= CODES[code].status <= expected[1]
    assert (CODES[code].retry_after_s is not None) <= (CODES[code].status in (429, 503, 504))


@pytest.mark.parametrize("code", CODES)
def test_a_class_is_described_in_one_sentence(code):
    text = " ".join(CODES[code].__doc__.split())
    assert text[0].isupper() and text.endswith(".") and ". " not in text and len(text) < 150


def test_every_stage_finds_something():
    assert list(dict.fromkeys(code.split(".")[0] for code in CODES)) == list(STAGES)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "wrong"), ({"target": "$filter"}, "$filter: wrong"), ({"target": "$filter", "at": 0}, "$filter at 0: wrong"), ({"at": 7}, "wrong"),
        ({"target": "path", "at": 7, "hint": "mend it"}, "path at 7: wrong; mend it"), ({"hint": "mend it"}, "wrong; mend it"),
    ],
)  # fmt: skip
def test_the_text_says_where_and_what_to_do(given, text):
    assert str(UrlSyntax("wrong", **given)) == text


@pytest.mark.parametrize(
    ("name", "hint"), [("statsu", "did you mean 'status'?"), ("STATUS", "did you mean 'status'?"), ("x", None), ("", None)]
)
def test_a_near_name_is_a_hint(name, hint):
    assert nearest(name, ["status", "id", "content"]) == hint
