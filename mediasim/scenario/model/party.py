"""The model of a party: a far end of a leg with a voice, a codec, a network and a script.

A party may also be an app, or an RTP endpoint elsewhere, which runs in real time; neither is
simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ValidationInfo

from mediasim.audio.codecs import CODECS
from mediasim.documents.durations import Duration, at_least
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import Flag, Level, Number, Text, among, count, existing_file
from mediasim.net.network import Network
from mediasim.net.telephone_line import TelephoneLine
from mediasim.recogniser.spec import RecogniserSpec
from mediasim.scenario.model.app import App
from mediasim.scenario.model.steps import Step, walk

__all__ = ["EndpointSpec", "PartySpec", "address_of"]


def address_of(value: str) -> tuple[str, int]:
    """Split HOST:PORT, where an IPv6 host stands in brackets.

    Raises ValueError if the text has another form.
    """
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"expected HOST:PORT, found {value[:60]!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _address(value: str) -> str:
    address_of(value)
    return value


def _description(path: Path, info: ValidationInfo) -> Path:
    """Check that a file exists and holds a session description; return its path."""
    existing_file(path, info)
    if info.context is not None:
        from mediasim.net.sdp import parse_sdp

        parse_sdp((info.context.base / path).read_text("utf-8", errors="replace"))
    return path


Address = Annotated[Text, AfterValidator(_address)]
"""A text of the form HOST:PORT."""


class EndpointSpec(Model):
    """An RTP endpoint that is not simulated, such as ffmpeg or a media server. A bare text is its
    ``remote``.

    With neither ``remote`` nor ``sdp``, packets go to the address from which the first ones come.
    """

    stands_for: ClassVar[str] = "remote"

    local: Address = "127.0.0.1:0"
    """Where the server receives its RTP; port 0 is any free one. RTCP has the port after it."""
    remote: Address | None = None
    """The address at which the endpoint receives RTP."""
    sdp: Annotated[Path, AfterValidator(_description)] | None = None
    """A file with the endpoint's session description, instead of ``remote``: where it receives, and
    what."""
    rtcp_mux: Flag = False
    """RTCP shares the port of RTP (RFC 5761)."""
    payload_type: Annotated[int, count(0, 127)] | None = None
    """The payload type of the party's codec; as the server offers it, 111 for OPUS, where
    absent."""
    dtmf: Annotated[int, count(0, 127)] = 101
    """The payload type of the endpoint's telephone events (RFC 4733)."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"remote": value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"type": "string"}]


_EARLY: Final = ("say", "play", "tone", "noise", "pause", "repeat")
"""Steps of early media."""
_MOST_STEPS: Final = 100_000
"""Steps of a script at most, its repeats unrolled."""


_OF_AN_APP: Final = {"app", "number", "recogniser"}
"""Keys of a party that is an app."""
_CLEAN: Final = TelephoneLine.model_construct()


def _aliases() -> dict[str, str]:
    return {alias: codec.name for codec in CODECS.values() for alias in codec.aliases}


CodecName = Annotated[str, among(CODECS, _aliases)]
"""The name of a codec, or an alias of it."""


class PartySpec(Model):
    """A simulated party. An empty one is silent, and stays until the other hangs up."""

    number: Number | None = None
    """Telephone number (E.164); a fictional one where absent."""
    voice: Text | None = None
    """The voice that speaks; chosen by the party's place in the file where absent."""
    codec: CodecName = "PCMU"
    """How its audio is coded on its leg."""
    ptime: Annotated[int, count(10, 60, "ms")] = 20
    """Milliseconds of audio in a packet: 10, 20, ... 60; only PCMU and PCMA have others than
    20."""
    dtx: Literal["off", "silence", "comfort-noise"] = "off"
    """While it is silent: off sends silence, silence sends nothing, comfort-noise packets of
    RFC 3389."""
    noise: Level | None = None
    """Level of the background noise in dBFS; none where absent."""
    line: TelephoneLine = TelephoneLine.model_construct()
    """Telephone line that what the party says passes: clean, telephone or mobile."""
    reaction: Annotated[Duration, at_least("200ms")] = Duration.of("200ms")
    """How long the party takes to react to something it hears."""
    network: Network = Network.model_construct()
    """The network between the party and the server."""
    script: Many[Step] = ()
    """What the party does once its telephone is answered, or after the beep; it waits while
    the party it calls rings. A call is over when all scripts have ended, or a party hangs
    up."""
    early_media: Many[Step] = ()
    """Heard of it while it rings."""
    recogniser: RecogniserSpec | None = None
    """What is heard of what it says, in its calls: perfect, realistic, or single settings."""

    endpoint: EndpointSpec | None = None
    """Instead of a simulated party: RTP from elsewhere, with --realtime."""
    app: App | None = None
    """Instead of a simulated party: an app at a number of the account's own. It hears and speaks in
    a call of its own, on a line to the party's leg, and hangs up by closing the WebSocket."""

    @property
    def telephone_line(self) -> TelephoneLine:
        """The party's own line, or that of its network."""
        return self.network.line if self.line == _CLEAN else self.line

    def troubles(self) -> Iterator[Misfit]:
        codec = CODECS[self.codec]
        if _CLEAN not in (self.line, self.network.line):
            yield ("network", "line"), "expected one line: the party has one of its own"
        if self.endpoint is not None:
            yield from self._endpoint_troubles()
        if self.app is not None:
            for key in sorted(self.model_fields_set - _OF_AN_APP):
                yield (key,), "expected none: an app is not simulated"
        if self.ptime % 10:
            yield ("ptime",), f"expected a multiple of 10, found {self.ptime}"
        elif self.ptime not in codec.ptimes:
            others = " and ".join(each.name for each in CODECS.values() if len(each.ptimes) > 1)
            yield ("ptime",), f"expected 20 for {codec.name}; {others} alone have others"
        if self.dtx == "comfort-noise" and not codec.has_comfort_noise:
            found = f"{codec.name}, which has no comfort-noise packets"
            yield ("dtx",), f"expected off or silence for {found}"
        for name, steps in (("script", self.script), ("early_media", self.early_media)):
            if sum(step.size for step in steps) > _MOST_STEPS:
                yield (name,), f"runs more than {_MOST_STEPS:,} steps once its repeats are unrolled"
        for at, step in walk(self.early_media):
            if step.keyword not in _EARLY:
                found = f"expected one of {', '.join(_EARLY)}, found {step.keyword}"
                yield ("early_media", *at), f"{found}: it has not answered yet"

    def _endpoint_troubles(self) -> Iterator[Misfit]:
        """Yield each key that has no meaning for a party that is not simulated."""
        # What is written, not what differs from the default: a key that means nothing is a
        # mistake with any value.
        of_network = {f"network.{key}" for key in self.network.model_fields_set}
        given = (self.model_fields_set - {"network"}) | of_network
        known = {"endpoint", "number", "codec", "network.jitter_buffer", "network.conceal"}
        for key in sorted(given - known):
            yield tuple(key.split(".")), "expected none: an endpoint elsewhere is not simulated"
        assert self.endpoint is not None
        if self.endpoint.sdp is not None and self.endpoint.remote is not None:
            yield ("endpoint", "sdp"), "expected remote or sdp, found both"
