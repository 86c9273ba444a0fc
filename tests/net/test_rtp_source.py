"""Whose RTP is heard on an endpoint's port: one source at a time, and nothing of it is lost."""

from __future__ import annotations

import itertools

from mediasim.net.rtp_source import RtpSource

THERE, MOVED, ELSEWHERE = ("192.0.2.2", 5000), ("192.0.2.2", 5044), ("192.0.2.9", 5000)
MS = 1_000_000


def packet(number: int, *, ssrc: int = 7, ahead: int = 0) -> bytes:
    head = (0x8000).to_bytes(2, "big") + (number & 0xFFFF).to_bytes(2, "big")
    return head + (number * 160 + ahead).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + b"x" * 160


def heard(source: RtpSource, sent: list[tuple[int, bytes, tuple[str, int]]]) -> list[bytes]:
    """Packets sent at times in milliseconds."""
    taken = [source.take(at * MS, data, sender, THERE) for at, data, sender in sent]
    return list(itertools.chain.from_iterable(taken))


def test_a_port_that_goes_on_with_the_numbers_is_followed_at_once() -> None:
    source = RtpSource()
    sent = [(20 * n, packet(n), THERE if n < 50 else MOVED) for n in range(100)]
    assert heard(source, sent) == [data for _, data, _ in sent]
    assert source.sources == [THERE, MOVED]
    assert source.foreign == 0


def test_a_port_that_begins_anew_is_followed_when_the_other_is_silent() -> None:
    """Its packets are kept until then: none is lost."""
    source = RtpSource()
    sent = [(20 * n, packet(n), THERE) for n in range(50)]
    sent += [(1000 + 20 * n, packet(9000 + n, ssrc=8), MOVED) for n in range(50)]
    assert heard(source, sent) == [data for _, data, _ in sent]
    assert source.sources == [THERE, MOVED]


def test_a_stream_with_its_ssrc_from_elsewhere_changes_nothing() -> None:
    source = RtpSource()
    own = [(20 * n, packet(n), THERE) for n in range(100)]
    for sender in (ELSEWHERE, MOVED):
        forged = [(20 * n + 5, packet(n, ahead=480_000), sender) for n in range(30, 80)]
        mixed = sorted(own + forged, key=lambda each: each[0])
        source = RtpSource()
        assert heard(source, mixed) == [data for _, data, _ in own]
        assert (source.sources, source.foreign) == ([THERE], 50)


def test_who_was_signalled_comes_first() -> None:
    source = RtpSource()
    sent = [(20 * n, packet(n, ssrc=9), MOVED) for n in range(20)]
    sent += [(400 + 20 * n, packet(n), THERE) for n in range(20)]
    assert heard(source, sent) == [data for _, data, _ in sent]
    assert source.sources == [MOVED, THERE]
