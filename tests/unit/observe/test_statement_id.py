"""A statement's id: the same for the same text, at its begin, and found again."""

from odata_gateway.observe.statement_id import statement_id, tag_statement


def test_a_text_begins_with_its_id():
    tagged = tag_statement("SELECT 1")
    assert tagged.endswith("SELECT 1") and tagged.startswith(f"/* odata {statement_id(tagged)} */ ")
    assert len(statement_id(tagged)) == 12


def test_the_id_is_that_of_the_text():
    assert tag_statement("SELECT 1") == tag_statement("SELECT 1") != tag_statement("SELECT 2")


def test_a_text_without_an_id_has_none():
    assert statement_id("SELECT 1") == statement_id("") == ""
