"""SIP messages: what is read, what is refused, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.sip.messages import BadSipMessage, Request, Response, own_headers, parse, respond

GOOD = (
    b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=f\r\nTo: <sip:1@127.0.0.1>\r\ni: c\r\nCSeq: 1 INVITE\r\n"
    b"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nX-Shop: 12\r\nl: 4\r\n\r\nbody"
)


def test_a_request_is_read_and_answered() -> None:
    request = parse(GOOD)
    assert isinstance(request, Request)
    assert request.call_id == "c"
    assert own_headers(request) == {"X-Shop": "12"}
    answer = parse(bytes(respond(request, 180, tag="mine")))
    assert isinstance(answer, Response)
    assert answer.get_header("to") == "<sip:1@127.0.0.1>;tag=mine"
    assert answer.headers.get("record-route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert answer.reason_phrase == "Ringing"


@pytest.mark.parametrize(
    ("old", "new", "answerable"),
    [
        (b"From: <sip:a@b>;tag=f\r\n", b"", True),
        (b";tag=f", b"", True),
        (b"l: 4", b"l: 5", True),
        (b"l: 4", b"l: -1", True),
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE", True),
        (b"CSeq: 1 INVITE", b"CSeq: x INVITE", True),
        (b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE", True),
        (b"SIP/2.0/UDP", b"HTTP/1.1/UDP", True),
        (b"v: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1\r\n", b"", False),
        (b" SIP/2.0\r\nv", b"\r\nv", False),
    ],
)
def test_what_is_wrong_is_said(old: bytes, new: bytes, answerable: bool) -> None:
    with pytest.raises(BadSipMessage) as caught:
        parse(GOOD.replace(old, new))
    assert str(caught.value)
    assert (caught.value.request is not None) == answerable
    if caught.value.request is not None:
        assert bytes(respond(caught.value.request, 400, tag="t")).startswith(b"SIP/2.0 400")


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 30), st.binary(max_size=30))
def test_nothing_but_its_own_error_comes_of_garbage(at: int, length: int, put: bytes) -> None:
    try:
        message = parse(GOOD[:at] + put + GOOD[at + length :])
    except BadSipMessage as error:
        if error.request is not None:
            bytes(respond(error.request, 400, tag="t"))
    else:
        bytes(message)


@given(st.binary(max_size=200))
def test_nor_of_noise(data: bytes) -> None:
    with pytest.raises(BadSipMessage):
        parse(data)
