from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.files import decode_audio
from mediasim.audio.levels import downmix
from mediasim.audio.wav import read_wav, write_wav
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.profiles import Channels, Kind, Track
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.states import RecordingStatus
from mediasim.twilio.download import Download, Format, download

SID = "RE" + "0a" * 16
TWO_TONES = np.stack(
    [
        np.round(8000 * np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)).astype(np.int16)
        for hertz in (440, 1000)
    ]
)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path)


def record(
    kind: Kind = "dial",
    channels: Channels = "mono",
    track: Track = "both",
    profile: str = "2022-05",
) -> RecordingRecord:
    made = RecordingRecord(
        sid=SID,
        account_sid="AC" + "0" * 32,
        call_sid="CA" + "0" * 32,
        source="DialVerb",
        layout=recording_layout(kind, channels, track, profile),
        created_ns=0,
        start_ns=0,
    )
    move(made, "processing", 1)
    move(made, "completed", 1)
    return made


def keep(store: MediaStore, tmp_path: Path, pcm: NDArray[np.int16]) -> None:
    spool = tmp_path / "spool.wav"
    write_wav(spool, pcm)
    store.adopt_wav(SID, spool)


def pcm_of(answer: Download) -> NDArray[np.int16]:
    assert answer.path is not None
    return read_wav(answer.path).pcm


def test_the_stored_file_itself_answers_for_its_own_channels(
    store: MediaStore, tmp_path: Path
) -> None:
    keep(store, tmp_path, TWO_TONES)
    for one, asked in ((record(channels="dual"), None), (record(), 2), (record(), "2")):
        answer = download(store, one, requested_channels=asked)
        assert (answer.status, answer.channels) == (200, 2)
        assert answer.content_type == "audio/x-wav"
        assert answer.path == store.wav_path(SID)


def test_mono_of_a_two_party_recording_is_its_downmix(store: MediaStore, tmp_path: Path) -> None:
    keep(store, tmp_path, TWO_TONES)
    for one, asked in ((record(), None), (record(), "1"), (record(channels="dual"), 1)):
        answer = download(store, one, requested_channels=asked)
        assert (answer.status, answer.channels) == (200, 1)
        np.testing.assert_array_equal(pcm_of(answer), downmix(TWO_TONES)[np.newaxis])
    assert store.wav_path(SID).stat().st_size == 44 + TWO_TONES.size * 2


def spectrum(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Level at each whole hertz, for each channel."""
    middle = pcm[:, 1000:7000] * np.hanning(6000)
    return np.abs(np.fft.rfft(middle, 8000))


@pytest.mark.parametrize(("asked", "channels"), [(None, 1), (1, 1), (2, 2)])
def test_an_mp3_has_the_channels_asked_for(
    store: MediaStore, tmp_path: Path, asked: int | None, channels: int
) -> None:
    keep(store, tmp_path, TWO_TONES)
    answer = download(store, record(), requested_channels=asked, format="mp3")
    assert (answer.status, answer.content_type) == (200, "audio/mpeg")
    assert answer.path is not None
    rate, pcm = decode_audio(answer.path.read_bytes())
    assert (rate, len(pcm)) == (8000, channels)
    # The encoder adds its delay and fills its last frame of 72 ms.
    assert 8000 <= pcm.shape[1] < 10_400
    levels = spectrum(pcm)[:, [440, 1000]]
    if channels == 2:
        assert levels[0, 0] > 100 * levels[0, 1]
        assert levels[1, 1] > 100 * levels[1, 0]
    else:
        assert 0.9 < levels[0, 0] / levels[0, 1] < 1.1


def test_derived_files_are_made_once_and_kept(store: MediaStore, tmp_path: Path) -> None:
    keep(store, tmp_path, TWO_TONES)
    first = download(store, record(), format="mp3")
    assert first.path is not None
    made = first.path.stat().st_mtime_ns
    again = download(store, record(), format="mp3")
    assert again == first
    assert first.path.stat().st_mtime_ns == made


@pytest.mark.parametrize(
    ("kind", "track"),
    [
        ("conference", "both"),
        ("record-verb", "both"),
        ("dial", "inbound"),
        ("dial", "outbound"),
        ("call", "inbound"),
    ],
)
@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_two_channels_of_one_are_not_found(
    store: MediaStore, tmp_path: Path, kind: Kind, track: Track, format: Format
) -> None:
    keep(store, tmp_path, TWO_TONES[:1])
    one = record(kind, "dual", track)
    assert download(store, one, format=format).channels == 1
    assert download(store, one, requested_channels="1", format=format).channels == 1
    answer = download(store, one, requested_channels="2", format=format)
    assert (answer.status, answer.code, answer.notification) == (404, 20404, 16113)
    assert (answer.path, answer.channels, answer.content_type) == (None, None, None)


@pytest.mark.parametrize(
    ("profile", "status", "code"),
    [
        ("2016-legacy", 404, 20404),
        ("2022-05", 404, 20404),
        ("2024-07", 404, 20404),
        ("2025-09", 400, 20001),
    ],
)
def test_how_two_channels_of_one_are_refused_depends_on_the_profile(
    store: MediaStore, tmp_path: Path, profile: str, status: int, code: int
) -> None:
    keep(store, tmp_path, TWO_TONES[:1])
    one = record("dial", "dual", "inbound", profile)
    answer = download(store, one, requested_channels="2")
    assert (answer.status, answer.code, answer.notification) == (status, code, 16113)


@pytest.mark.parametrize("asked", ["0", "3", "", "dual", 3])
def test_a_number_not_offered_is_a_bad_request(
    store: MediaStore, tmp_path: Path, asked: int | str
) -> None:
    keep(store, tmp_path, TWO_TONES)
    answer = download(store, record(), requested_channels=asked)
    assert (answer.status, answer.code, answer.path) == (400, 20001, None)


@pytest.mark.parametrize("status", ["in-progress", "processing", "absent", "deleted"])
def test_only_a_completed_recording_has_media(
    store: MediaStore, tmp_path: Path, status: RecordingStatus
) -> None:
    keep(store, tmp_path, TWO_TONES)
    one = record()
    one.status = status
    answer = download(store, one)
    assert (answer.status, answer.code, answer.path) == (404, 20404, None)
    assert status in answer.message


def test_media_lost_from_the_store_is_not_found(store: MediaStore) -> None:
    answer = download(store, record())
    assert (answer.status, answer.code, answer.path) == (404, 20404, None)
