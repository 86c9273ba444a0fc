"""Messages of the kinds of RFC 4475: what is answered to each."""

from __future__ import annotations

import pytest
from sip_stage import header
from test_sip_agent import Desk, Wire, quietly
from torture_messages import MESSAGES, request

from mediasim.sip.grammar import read_address, subscriber
from mediasim.sip.messages import Request, Response, parse


@pytest.mark.parametrize(("data", "status"), MESSAGES.values(), ids=MESSAGES)
def test_each_is_answered_as_it_should_be(data: bytes, status: str) -> None:
    def work() -> None:
        wire = Wire("127.0.0.1")
        Desk().agent.transports.receive(data, wire)
        assert [text.split()[1] for text in wire.sent] == ([status] if status else [])
        for text in wire.sent:
            assert header(text, "Via")
            if status == "501":
                assert "INVITE" in header(text, "Allow")
            if status == "420":
                assert "\r\nUnsupported: firstUnknown\r\n" in text
                assert "\r\nUnsupported: secondUnknown\r\n" in text

    quietly(work)


def read(data: bytes) -> Request:
    found = parse(data)
    assert isinstance(found, Request)
    return found


def test_odd_space_is_read_whole() -> None:
    found = read(MESSAGES["odd space and folded headers"][0])
    assert [(via.transport, via.host, via.branch) for via in found.via] == [
        ("UDP", "192.0.2.7", "z9hG4bKfirst"),
        ("TCP", "relay.example.org", "z9hG4bKsecond"),
        ("UDP", "192.0.2.9", None),
    ]
    caller = read_address(found.get_header("from") or "")
    assert (caller.display_name, caller.tag) == ('Carol \\"', "c1")
    assert found.cseq is not None
    assert found.cseq.seq == 7
    assert found.get_header("x-odd") == ";;,,;;"
    assert found.text.startswith("v=0")


def test_parameters_and_escapes_stay_with_the_user() -> None:
    user = read_address("<" + read(MESSAGES["a parameter of the user"][0]).uri + ">").uri
    assert (user.user, user.host) == ("user;par=u%40example.net", "example.org")
    assert subscriber(user) == "user"
    escaped = read_address("<" + read(MESSAGES["an escaped user"][0]).uri + ">").uri
    assert subscriber(escaped) == "sips:user@example.org"
    odd = read_address(
        read(request(To='"BEL:\\\x07 DEL:\\\x7f" <sip:1@example.org>')).get_header("to") or ""
    )
    assert odd.display_name == "BEL:\x07 DEL:\x7f"
    assert odd.uri.host == "example.org"


def test_parameters_without_brackets_are_the_header_s() -> None:
    bare = read_address("sip:carol@example.org;unknown")
    inside = read_address("<sip:carol@example.org;unknown>")
    assert (bare.params, bare.uri.params) == ({"unknown": None}, {})
    assert (inside.params, inside.uri.params) == ({}, {"unknown": None})


def test_responses_have_any_reason_or_none() -> None:
    for name, status, reason in (
        ("a reason in another script", 200, "да ; = 1+1"),
        ("no reason", 100, ""),
    ):
        answer = parse(MESSAGES[name][0])
        assert isinstance(answer, Response)
        assert (answer.status_code, answer.reason_phrase) == (status, reason)
