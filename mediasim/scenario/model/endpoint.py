"""A party that is not simulated: an RTP endpoint elsewhere, in real time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ValidationInfo

from mediasim.documents.model import Model
from mediasim.documents.values import Flag, Text, count, existing_file
from mediasim.net.sdp import parse_sdp

__all__ = ["Endpoint", "address_of"]


def address_of(value: str) -> tuple[str, int]:
    """HOST:PORT taken apart; an IPv6 host stands in brackets. Raises ValueError."""
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"expected HOST:PORT, found {value[:60]!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _address(value: str) -> str:
    address_of(value)
    return value


def _description(path: Path, info: ValidationInfo) -> Path:
    """A file that is there, and holds a session description."""
    existing_file(path, info)
    if info.context is not None:
        parse_sdp((info.context.base / path).read_text("utf-8", errors="replace"))
    return path


Address = Annotated[Text, AfterValidator(_address)]


class Endpoint(Model):
    """Somebody else's RTP: ffmpeg, a media server, a test set. A bare text is its ``remote``.

    With neither ``remote`` nor ``sdp``, packets go to whoever sends some first.
    """

    stands_for: ClassVar[str] = "remote"

    local: Address = "127.0.0.1:0"
    """Where the server receives its RTP; port 0 is any free one. RTCP has the port after it."""
    remote: Address | None = None
    """Where it receives."""
    sdp: Annotated[Path, AfterValidator(_description)] | None = None
    """A file with its session description, instead of ``remote``: where it receives, and what."""
    rtcp_mux: Flag = False
    """RTCP shares the port of RTP (RFC 5761)."""
    payload_type: Annotated[int, count(0, 127)] | None = None
    """The number of the party's codec; as it is offered, 111 for OPUS, where absent."""
    dtmf: Annotated[int, count(0, 127)] = 101
    """The number of its telephone events (RFC 4733)."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"remote": value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"type": "string"}]
