"""Values of an earlier answer of a batch, as literals."""

import pytest
from odata_gateway.edm.csdl import load_model
from odata_gateway.errors import UrlSyntax
from odata_gateway.protocol.batch.references import literals

MODEL = load_model()


@pytest.mark.parametrize("body", [b"1\tsome text", b"1", b"[1]", b""])
def test_an_answer_that_is_not_a_json_object_has_no_values(body):
    [error] = literals(body, [("id",)], MODEL.entity_types["Message"], MODEL).values()
    assert isinstance(error, UrlSyntax)


def test_a_value_of_an_entity_is_a_literal_of_its_type():
    body = b'{"id":1,"content":"it\'s"}'
    found = literals(body, [("id",), ("content",)], MODEL.entity_types["Message"], MODEL)
    assert found == {("id",): "1", ("content",): "'it''s'"}
