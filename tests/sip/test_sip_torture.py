"""Every message of RFC 4475, as in the archive of its appendix A: what is answered to each."""

from __future__ import annotations

from pathlib import Path

import pytest
from sip_stage import header
from test_sip_agent import Desk, Wire, quietly

from mediasim.sip.grammar import read_address, subscriber
from mediasim.sip.messages import Request, Response, parse

MESSAGES = Path(__file__).parent / "rfc4475"

ANSWERS = {
    # Valid requests (3.1.1): none is refused for its form.
    "wsinv": "481",  # To has a tag: it belongs to a call, of which there is none
    "intmeth": "501",
    "esc01": "100",
    "escnull": "401",
    "esc02": "501",  # %47 is no escape in a method
    "lwsdisp": "200",
    "longreq": "100",
    "dblreq": "401",
    "semiuri": "200",
    "transports": "200",
    "mpart01": "405",
    # Invalid ones (3.1.2).
    "badinv01": "400",
    "clerr": "400",
    "ncl": "400",
    "scalar02": "400",
    "quotbal": "400",
    "ltgtruri": "400",
    "lwsruri": "400",
    "lwsstart": "400",
    "trws": "400",
    "escruri": "400",
    "baddate": "100",  # no use is made of it
    "regbadct": "400",
    "badaspec": "400",
    "baddn": "400",
    "badvers": "505",
    "mismatch01": "400",
    "mismatch02": "501",
    # Transactions, semantics and older programs (3.2 to 3.4).
    "badbranch": "200",
    "insuf": "400",
    "unkscm": "416",
    "novelsc": "416",
    "unksm2": "401",
    "bext01": "420",
    "invut": "100",  # its body is looked into where it is answered: 415
    "regaut01": "401",
    "multi01": "400",
    "mcl01": "400",
    "zeromf": "200",  # only who forwards counts hops
    "cparam01": "401",
    "cparam02": "401",
    "regescrt": "401",
    "sdp01": "406",
    "inv2543": "100",
    # Responses: of those nothing is answered, be they well formed or not.
    "unreason": "",
    "noreason": "",
    "scalarlg": "",
    "bigcode": "",
    "bcast": "",
}


def data_of(name: str) -> bytes:
    return (MESSAGES / f"{name}.dat").read_bytes()


def test_all_are_here() -> None:
    assert {path.stem for path in MESSAGES.glob("*.dat")} == set(ANSWERS)


@pytest.mark.parametrize(("name", "status"), ANSWERS.items())
def test_each_is_answered_as_it_should_be(name: str, status: str) -> None:
    def work() -> None:
        wire = Wire("127.0.0.1")
        Desk().agent.transports.receive(data_of(name), wire)
        assert [text.split()[1] for text in wire.sent] == ([status] if status else [])
        for text in wire.sent:
            assert header(text, "Via")
            if status in ("501", "405"):
                assert "INVITE" in header(text, "Allow")
            if status == "420":
                assert "\r\nUnsupported: nothingSupportsThis\r\n" in text
                assert "\r\nUnsupported: nothingSupportsThisEither\r\n" in text

    quietly(work)


def request_of(name: str) -> Request:
    found = parse(data_of(name))
    assert isinstance(found, Request)
    return found


def test_a_tortuous_invite_is_read_whole() -> None:
    found = request_of("wsinv")
    assert [(via.transport, via.host) for via in found.via] == [
        ("UDP", "192.0.2.2"),
        ("TCP", "spindle.example.com"),
        ("UDP", "192.168.255.111"),
    ]
    assert [via.branch for via in found.via] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    caller = read_address(found.get_header("from") or "")
    assert (caller.display_name, caller.tag) == ('J Rosenberg \\"', "98asjd8")
    assert found.cseq is not None
    assert found.cseq.seq == 9
    assert found.get_header("unknownheaderwithunusualvalue") == ";;,,;;,;"
    assert found.text.startswith("v=0")


def test_parameters_and_escapes_stay_with_the_user() -> None:
    user = read_address("<" + request_of("semiuri").uri + ">").uri
    assert (user.user, user.host) == ("user;par=u%40example.net", "example.com")
    assert subscriber(user) == "user"
    assert subscriber(read_address("<" + request_of("esc01").uri + ">").uri) == (
        "sips:user@example.com"
    )
    odd = read_address(request_of("intmeth").get_header("to") or "")
    assert odd.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert odd.uri.host == "example.com"


def test_parameters_without_brackets_are_the_header_s() -> None:
    bare = read_address(request_of("cparam01").get_header("contact") or "")
    inside = read_address(request_of("cparam02").get_header("contact") or "")
    assert (bare.params, bare.uri.params) == ({"unknownparam": None}, {})
    assert (inside.params, inside.uri.params) == ({}, {"unknownparam": None})


def test_responses_have_any_reason_or_none() -> None:
    for name, status in (("unreason", 200), ("noreason", 100)):
        answer = parse(data_of(name))
        assert isinstance(answer, Response)
        assert answer.status_code == status
    assert "девяносто девять" in getattr(parse(data_of("unreason")), "reason_phrase", "")
