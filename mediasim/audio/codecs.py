"""The audio codecs of RTP: a row each (RFC 3551, RFC 7587), which everything else reads at use.

G.711 codes each sample by itself, with tables (:mod:`mediasim.audio.g711`). G.722 and Opus code a
frame after the other, so an encoder or decoder belongs to one stream and must be given its frames
in order. Audio is 8 kHz on this side of all of them, whatever the codec works at.

G.722 samples at 16 kHz, yet its RTP clock is 8000 for historical reasons (RFC 3551 section
4.5.2). Opus always has a clock of 48000 (RFC 7587 section 4.1).

A codec of your own is one more row, here linear samples of 16 bits (RFC 3551 section 4.5.11)::

    L16 = SampleCoder(
        lambda pcm: pcm.astype(">i2").view(np.uint8),
        lambda octets: octets.view(">i2").astype(np.int16),
        octets=2,
    )
    with register(Codec("L16", 97, L16)):
        ...  # parties with "codec: L16", session descriptions, captures and verify know it
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.ffmpeg_coders import FFmpegDecoder, FFmpegEncoder
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.audio.resampling import RESAMPLING_DELAY

__all__ = [
    "CODECS",
    "EVENT_TYPE",
    "NOISE_TYPE",
    "NO_TYPE",
    "STATIC_TYPES",
    "Codec",
    "EquipmentFactors",
    "FrameCoder",
    "FrameDecoder",
    "FrameEncoder",
    "SampleCoder",
    "codec_named",
    "decode_frames",
    "encode_frames",
    "frame_coder",
    "register",
]

_Samples = NDArray[np.int16]
_Octets = NDArray[np.uint8]

STATIC_TYPES: Final = range(96)
"""Payload types that need no rtpmap (RFC 3551 section 6)."""
NOISE_TYPE: Final = 13
"""The static payload type of comfort noise (RFC 3389)."""
EVENT_TYPE: Final = 101
"""The payload type that is offered for telephone events (RFC 4733)."""
NO_TYPE: Final = 128
"""A payload type that no packet has."""
_OPUS_BIT_RATE: Final = 32_000
_OPUS_APPLICATION: Final = "audio"
"""The encoder's mode. "voip" would keep the sound of speech but not the waveform, to which
recordings are compared."""
_OPUS_COMPLEXITY: Final = "0"
"""The encoder's complexity. More makes digital silence, of which a call has much, four times as
costly, and nothing at 32 kbit/s sounds better for it."""
_G722_DELAY: Final = 11
"""Delay of the codec's filter bank, in 8 kHz samples."""
_OPUS_DELAY: Final = 52
"""Look-ahead of the encoder in 8 kHz samples: 6.5 ms in all modes but that of low delay."""


class FrameEncoder(Protocol):
    """The encoder of one stream.

    One that also has ``encode_frames``, which :func:`encode_frames` describes, gets many frames
    at once.
    """

    def encode(self, pcm: _Samples) -> bytes:
        """Encode the stream's next frame, (160,), as a payload."""


class FrameDecoder(Protocol):
    """The decoder of one stream.

    One that also has ``decode_frames``, which :func:`decode_frames` describes, gets many payloads
    at once.
    """

    def decode(self, payload: bytes | None) -> _Samples:
        """Decode the stream's next payload: (160,) for one of 20 ms.

        None stands for a lost payload of 20 ms, and gives silence; so does one that cannot be
        decoded.
        """


class SampleCoder(NamedTuple):
    """A coder of single samples: any payload can be decoded alone, and many streams at once."""

    encode: Callable[[_Samples], _Octets]
    """Encodes samples (..., n) as octets (..., n * octets)."""
    decode: Callable[[_Octets], _Samples]
    """Decodes octets (..., n * octets) to samples (..., n)."""
    octets: int = 1
    """Octets of one sample."""


class FrameCoder(NamedTuple):
    """A coder of a stream's frames in order, each coded by what came before it."""

    encoder: Callable[[], FrameEncoder]
    """Makes the encoder of a new stream."""
    decoder: Callable[[], FrameDecoder]
    """Makes the decoder of a new stream."""
    samples: Callable[[bytes], int] = len
    """Counts the 8 kHz samples of a payload by its bytes; 0 for a payload without audio."""


class EquipmentFactors(NamedTuple):
    """A codec's parameters in the E-model (ITU-T G.107, G.113)."""

    ie: float
    """Equipment impairment factor Ie: how much the codec itself takes off R."""
    bpl: float
    """Packet-loss robustness factor Bpl with silence for lost packets; the higher, the less a loss
    takes off."""
    concealed_bpl: float
    """Packet-loss robustness factor Bpl with concealment."""


_G711_FACTORS: Final = EquipmentFactors(0.0, 4.3, 25.1)  # G.113 appendix I


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec: the one row that everything else derives its tables from."""

    encoding: str
    """The encoding name, as its rtpmap spells it."""
    payload_type: int
    """The static payload type (RFC 3551), or the dynamic one that is offered."""
    coder: SampleCoder | FrameCoder
    """The coder of single samples, or of a stream's frames."""
    clock_rate: int = SAMPLE_RATE
    """RTP timestamp units per second, a multiple of 8000."""
    channels: int = 1
    """Channels that its rtpmap names; a leg's audio has one."""
    ptimes: tuple[int, ...] = (20,)
    """Packet times in milliseconds that are allowed."""
    delay_samples: int = 0
    """Delay of the audio through encoder and decoder, in 8 kHz samples."""
    factors: EquipmentFactors = _G711_FACTORS
    """E-model parameters on the narrowband scale: all audio here has 8 kHz, whatever the codec."""
    aliases: tuple[str, ...] = ()
    """Names that scenario files may use beside its own."""
    webrtc: bool = False
    """Whether the answer to a browser's offer may choose it."""
    drawn: int = 1
    """Weight with which the fuzzer draws it."""

    @property
    def name(self) -> str:
        """The codec's name here: the encoding name in capitals."""
        return self.encoding.upper()

    @property
    def rtpmap(self) -> str:
        """Encoding, clock and channels, as an rtpmap line has them (RFC 8866 section 6.6)."""
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.encoding}/{self.clock_rate}{channels}"

    @property
    def is_static(self) -> bool:
        """Whether its payload type needs no rtpmap."""
        return self.payload_type in STATIC_TYPES

    @property
    def ticks_per_sample(self) -> int:
        """RTP timestamp units of an 8 kHz sample."""
        return self.clock_rate // SAMPLE_RATE

    @property
    def has_comfort_noise(self) -> bool:
        """Whether comfort noise can stand for its silence: packets of its clock (RFC 3389)."""
        return self.clock_rate == SAMPLE_RATE

    @property
    def is_bytewise(self) -> bool:
        """Whether each octet is a sample, so that many legs can be coded at once."""
        return isinstance(self.coder, SampleCoder) and self.coder.octets == 1

    def samples(self, payload: bytes) -> int:
        """Count the 8 kHz samples of a payload by its bytes; 0 for a payload without audio."""
        if isinstance(self.coder, SampleCoder):
            return len(payload) // self.coder.octets
        return self.coder.samples(payload)


# -- coders ---------------------------------------------------------------------------------------


def encode_frames(encoder: FrameEncoder, pcm: _Samples) -> list[bytes]:
    """Encode the stream's next frames (n, 160), each as a payload."""
    together: Callable[[_Samples], list[bytes]] | None = getattr(encoder, "encode_frames", None)
    return [encoder.encode(frame) for frame in pcm] if together is None else together(pcm)


def decode_frames(decoder: FrameDecoder, payloads: list[bytes]) -> list[_Samples]:
    """Decode the stream's next payloads, which follow each other, to the samples of each."""
    together: Callable[[list[bytes]], list[_Samples]] | None
    together = getattr(decoder, "decode_frames", None)
    return [decoder.decode(each) for each in payloads] if together is None else together(payloads)


def _opus_samples(payload: bytes) -> int:
    """Count the 8 kHz samples of an Opus packet by its table of contents (RFC 6716 section 3.1)."""
    if not payload:
        return 0
    config, count = payload[0] >> 3, payload[0] & 3
    if config < 12:  # SILK
        frame = (80, 160, 320, 480)[config & 3]
    elif config < 16:  # hybrid
        frame = (80, 160)[config & 1]
    else:  # CELT
        frame = (20, 40, 80, 160)[config & 3]
    if count == 3:
        return frame * (payload[1] & 0x3F) if len(payload) > 1 else 0
    return frame * (1, 2, 2)[count]


_G722: Final = FrameCoder(partial(FFmpegEncoder, "g722", 2), partial(FFmpegDecoder, "g722", 2))
# At 8 kHz the encoder makes narrowband packets by itself, for half the work.
_OPUS: Final = FrameCoder(
    partial(
        FFmpegEncoder,
        "libopus",
        bit_rate=_OPUS_BIT_RATE,
        application=_OPUS_APPLICATION,
        compression_level=_OPUS_COMPLEXITY,
    ),
    partial(FFmpegDecoder, "libopus", 6),
    _opus_samples,
)


# -- the table ------------------------------------------------------------------------------------

_ANY_PTIME: Final = (10, 20, 30, 40, 50, 60)

CODECS: Final[dict[str, Codec]] = {}
"""All codecs by name, in the order in which they are offered; :func:`register` adds to it."""


def register(codec: Codec) -> ExitStack:
    """Add a codec, until the returned stack is closed; used as a context manager or for good.

    Raises ValueError if its name or payload type is taken, or its clock is not a multiple of 8000.
    """
    if codec.clock_rate % SAMPLE_RATE:
        raise ValueError(f"{codec.name}: expected a multiple of 8000, found {codec.clock_rate}")
    for other in CODECS.values():
        if {other.name, *other.aliases} & {codec.name, *codec.aliases}:
            raise ValueError(f"{codec.name}: the codec {other.name} has that name")
    users = {other.payload_type: other.name for other in CODECS.values()}
    users |= {NOISE_TYPE: "comfort noise", EVENT_TYPE: "telephone events"}
    if codec.payload_type in users:
        raise ValueError(
            f"payload type {codec.payload_type} is that of {users[codec.payload_type]}"
        )
    CODECS[codec.name] = codec
    removal = ExitStack()
    removal.callback(CODECS.pop, codec.name)
    return removal


def frame_coder(name: str) -> FrameCoder:
    """Return the frame coder of a codec. Raises ValueError for any other codec."""
    coders = {name: codec.coder for name, codec in CODECS.items()}
    frame_coders = {name: coder for name, coder in coders.items() if isinstance(coder, FrameCoder)}
    if name not in frame_coders:
        known = " and ".join(frame_coders)
        raise ValueError(f"no codec with a memory is called {name!r}: only {known}")
    return frame_coders[name]


def codec_named(text: str) -> Codec | None:
    """Return the codec of a name or an alias; None if there is none."""
    named = (codec for codec in CODECS.values() if text in codec.aliases)
    return CODECS.get(text) or next(named, None)


for _codec in (
    Codec(
        "PCMU",
        0,
        SampleCoder(ulaw_encode, ulaw_decode),
        ptimes=_ANY_PTIME,
        aliases=("ulaw",),
        webrtc=True,
        drawn=3,
    ),
    Codec(
        "PCMA",
        8,
        SampleCoder(alaw_encode, alaw_decode),
        ptimes=_ANY_PTIME,
        aliases=("alaw",),
        drawn=2,
    ),
    # G.113 rates G.722 better than G.711 (Ie,wb 13 against 36), so it takes nothing off
    # narrowband speech. It has no narrowband Bpl; a packet missing is taken to hurt as in G.711.
    Codec("G722", 9, _G722, delay_samples=_G722_DELAY + 2 * RESAMPLING_DELAY),
    Codec(
        "opus",
        111,
        _OPUS,
        clock_rate=48_000,
        channels=2,
        delay_samples=_OPUS_DELAY + RESAMPLING_DELAY,
        # Not in G.113: our estimate. Its decoder conceals in any case.
        factors=EquipmentFactors(0.0, 16.0, 16.0),
        webrtc=True,
    ),
):
    register(_codec)
