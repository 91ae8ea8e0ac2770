"""$batch is refused as a whole, clearly."""

import pytest

PARTS = (
    b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET Message(1) HTTP/1.1\r\n\r\n\r\n"
    b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET Label HTTP/1.1\r\n\r\n\r\n--b--\r\n"
)
JSON = b'{"requests":[{"id":"1","method":"get","url":"Message(1)"}]}'


@pytest.mark.parametrize(
    ("media_type", "body"), [("multipart/mixed;boundary=b", PARTS), ("application/json", JSON), ("multipart/mixed", PARTS)]
)
def test_o01_to_o14_batch_is_refused(ask, media_type, body):
    headers = {"Authorization": f"Bearer {ask.gateway.tokens.ADMIN}", "Content-Type": media_type}
    reply = ask.gateway.ask("POST", "/v1.0/odata/$batch", headers, body)
    assert (reply.status, reply.json()["error"]["code"]) == (501, "Unsupported.Feature")
    assert "$batch" in reply.json()["error"]["message"] and reply.headers["odata-version"] == "4.0"
    assert ask("Label(1)").status == 200
