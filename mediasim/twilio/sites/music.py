"""The buckets com.twilio.music.*: hold music, here of our own making.

A bucket's address lists its files. Apps play files that they know by name, so any name of an audio
file is answered: the same name with the same piece. Each piece is composed once, from its own seed,
and kept as a file of the cache.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import encode_mp3
from mediasim.audio.music import COMPOSER, STYLES, cowbell, piece
from mediasim.audio.wav import wav_header
from mediasim.parties.voices.clip import cache_directory, keep
from mediasim.twilio.sites.site import SiteRequest, SiteResponse

__all__ = ["BUCKETS", "CLASSICAL", "bucket_files", "bucket_hosts", "file_url", "music", "sound"]

_PREFIX: Final = "com.twilio.music."
CLASSICAL: Final = f"{_PREFIX}classical"
"""The bucket of the hold music unless another is named."""
_SOUNDS: Final = "com.twilio.sounds.music"
BUCKETS: Final = {**{f"{_PREFIX}{style}": style for style in STYLES}, _SOUNDS: "classical"}
"""The style of each bucket."""
_PIECES: Final = 3
_BIT_RATE: Final = 32_000
_TYPES: Final = {".mp3": "audio/mpeg", ".wav": "audio/x-wav"}
_LICENSE: Final = "license.txt"
_LICENSE_TEXT: Final = (
    "This music is no recording: mediasim composes it from a seed and synthesizes it.\n"
    "It may be used without any condition.\n"
)
_ADDRESSES: Final = (".s3.amazonaws.com", ".s3.us-east-1.amazonaws.com")
"""What follows a bucket's name in its host names."""


def bucket_hosts(bucket: str) -> list[str]:
    """Return the host names of a bucket."""
    return [f"{bucket}{address}" for address in _ADDRESSES]


def bucket_files(bucket: str) -> list[str]:
    """Return the names of a bucket's music."""
    return [f"{BUCKETS[bucket]}-{number}.mp3" for number in range(1, _PIECES + 1)]


def file_url(bucket: str, name: str) -> str:
    """Return the URL of a file of a bucket."""
    return f"http://{bucket}.s3.amazonaws.com/{quote(name)}"


def music(request: SiteRequest) -> SiteResponse:
    """Answer a request to a bucket."""
    bucket = next(each for each in BUCKETS if request.host in bucket_hosts(each))
    name = unquote(request.path).removeprefix("/")
    if not name:
        return SiteResponse(_listing(bucket), "application/xml")
    if name == _LICENSE:
        return SiteResponse(_LICENSE_TEXT.encode(), "text/plain; charset=utf-8")
    extension = PurePosixPath(name).suffix.lower()
    if extension not in _TYPES:
        words = f"<Error><Code>NoSuchKey</Code><Key>{escape(name)}</Key></Error>"
        return SiteResponse(words.encode(), "application/xml", 404)
    own = bucket_files(bucket)
    number = own.index(name) if name in own else crc32(name.encode()) % _PIECES
    return sound(BUCKETS[bucket], extension, number + 1)


def sound(name: str, extension: str, number: int = 1) -> SiteResponse:
    """Return a piece of a style, or the cowbell, as an audio file."""
    return SiteResponse(_file(name, number, extension), _TYPES[extension])


def _listing(bucket: str) -> bytes:
    """Return the index of a bucket, as S3 writes it."""
    entries = [(name, len(_file(BUCKETS[bucket], number, ".mp3"))) for number, name in
               enumerate(bucket_files(bucket), 1)]  # fmt: skip
    entries.append((_LICENSE, len(_LICENSE_TEXT)))
    contents = "".join(
        f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size></Contents>"
        for name, size in sorted(entries)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys>"
        f"<IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    ).encode()


@lru_cache(maxsize=64)
def _file(name: str, number: int, extension: str) -> bytes:
    """Return an audio file, from the cache or made now."""
    kept = cache_directory() / "music" / f"{name}-{number}-{COMPOSER}{extension}"
    with suppress(OSError):
        return kept.read_bytes()
    pcm = cowbell() if name == "cowbell" else piece(name, number)
    made = _encoded(pcm, extension)
    keep(kept, made)
    return made


def _encoded(pcm: NDArray[np.int16], extension: str) -> bytes:
    if extension == ".mp3":
        return encode_mp3(pcm[None], _BIT_RATE)
    return wav_header(1, len(pcm)) + pcm.astype("<i2").tobytes()
