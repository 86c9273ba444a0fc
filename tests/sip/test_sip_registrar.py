"""The registrar's rules, with a clock of the test's own (RFC 3261 section 10.3)."""

from __future__ import annotations

import pytest

from mediasim.sip.messages import Request, parse
from mediasim.sip.registrar import Registrar, RegistrationRefused


class Nowhere:
    name, reliable, peer, open = "UDP", False, ("127.0.0.1", 5090), True

    def send(self, data: bytes) -> None:
        raise AssertionError("a registrar sends nothing")


class Desk:
    """A registrar and its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.registrar = Registrar(lambda: self.now)

    def register(self, *headers: str, sequence: int = 1, call_id: str = "c") -> None:
        lines = [
            "REGISTER sip:x SIP/2.0",
            "Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1",
            "From: <sip:al@x>;tag=f",
            "To: <sip:al@x>",
            f"Call-ID: {call_id}",
            f"CSeq: {sequence} REGISTER",
            *headers,
        ]
        request = parse(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert isinstance(request, Request)
        self.registrar.register("al", request, Nowhere())

    @property
    def hosts(self) -> list[str]:
        return [contact.uri.host for contact in self.registrar.contacts("al")]


def test_a_contact_is_forgotten_when_its_time_is_over() -> None:
    desk = Desk()
    desk.register("Contact: <sip:al@10.0.0.1>;expires=60", "Expires: 600")
    desk.register("Contact: <sip:al@10.0.0.2>", "Expires: 600", call_id="d")
    assert desk.hosts == ["10.0.0.1", "10.0.0.2"]
    assert [value.rpartition("=")[2] for _, value in desk.registrar.listing("al")] == ["60", "600"]
    desk.now = 60.0
    assert desk.hosts == ["10.0.0.2"]
    desk.now = 600.0
    assert desk.hosts == []


def test_a_refreshed_contact_is_one_contact() -> None:
    desk = Desk()
    desk.register("Contact: <sip:al@10.0.0.1>", "Expires: 60")
    desk.now = 50.0
    desk.register("Contact: <sip:al@10.0.0.1>", "Expires: 60", sequence=2)
    desk.now = 100.0
    assert desk.hosts == ["10.0.0.1"]


def test_none_star_and_zero() -> None:
    desk = Desk()
    desk.register("Contact: <sip:al@10.0.0.1>, <sip:al@10.0.0.2>")
    desk.register(sequence=2)  # asks only
    assert desk.hosts == ["10.0.0.1", "10.0.0.2"]
    desk.register("Contact: <sip:al@10.0.0.1>;expires=0", sequence=3)
    assert desk.hosts == ["10.0.0.2"]
    desk.register("Contact: *", "Expires: 0", sequence=4)
    assert desk.hosts == []


@pytest.mark.parametrize(
    ("headers", "sequence", "status"),
    [
        (("Contact: *",), 2, 400),
        (("Contact: *", "Contact: <sip:al@10.0.0.3>", "Expires: 0"), 2, 400),
        (("Contact: <tel:+1415>",), 2, 400),
        (("Contact: <sip:al@10.0.0.1>",), 1, 500),
        (("Contact: <sip:al@10.0.0.3>", "Expires: 9"), 2, 423),
        (tuple(f"Contact: <sip:al@10.0.1.{n}>" for n in range(10)), 2, 403),
    ],
)
def test_what_is_refused_changes_nothing(
    headers: tuple[str, ...], sequence: int, status: int
) -> None:
    desk = Desk()
    desk.register("Contact: <sip:al@10.0.0.1>")
    with pytest.raises(RegistrationRefused) as caught:
        desk.register(*headers, sequence=sequence)
    assert caught.value.status == status
    assert desk.hosts == ["10.0.0.1"]
