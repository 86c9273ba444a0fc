"""Recordings' media: formats, channels, parts, conditions, credentials."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rest_stage import Api

from mediasim.audio.files import decode_audio
from mediasim.twilio.rest import ApiSettings
from mediasim.twilio.rest.media import Validators, wanted_ranges


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def wav_of(data: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return pcm.reshape(-1, file.getnchannels()).T


@pytest.mark.parametrize("suffix", ["", ".wav"])
def test_a_call_is_stored_in_two_channels_and_given_in_one(
    api: Api, tmp_path: Path, suffix: str
) -> None:
    record = api.service.finished(tmp_path)
    path = f"Recordings/{record.sid}{suffix}"
    plain = api.ask("GET", path)
    assert plain.status_code == 200
    assert plain.headers["content-type"] == "audio/x-wav"
    assert plain.headers["content-length"] == str(len(plain.content))
    assert wav_of(plain.content).shape == (1, 8000)
    assert wav_of(api.ask("GET", f"{path}?RequestedChannels=2").content).shape == (2, 8000)
    assert api.ask("GET", f"{path}?RequestedChannels=1").content == plain.content


def test_mp3(api: Api, tmp_path: Path) -> None:
    record = api.service.finished(tmp_path)
    answer = api.ask("GET", f"Recordings/{record.sid}.mp3?RequestedChannels=2")
    assert answer.headers["content-type"] == "audio/mpeg"
    _, channels = decode_audio(answer.content)
    assert channels.shape[0] == 2


def test_two_channels_of_one_are_refused_and_noted(api: Api, tmp_path: Path) -> None:
    record = api.service.finished(tmp_path, kind="record-verb")
    api.refused("GET", f"Recordings/{record.sid}.wav?RequestedChannels=2", 400, 20001)
    (note,) = api.service.notifications
    assert (note.error_code, note.log, note.call_sid) == (16113, "1", record.call_sid)


@pytest.mark.parametrize("channels", ["3", "0", "two", "-1", "%00"])
def test_wrong_numbers_of_channels(api: Api, tmp_path: Path, channels: str) -> None:
    record = api.service.finished(tmp_path)
    api.refused("GET", f"Recordings/{record.sid}?RequestedChannels={channels}", 400, 20001)


def test_what_is_not_completed_or_deleted_has_no_media(api: Api, tmp_path: Path) -> None:
    api.refused("GET", f"Recordings/{api.service.recording().sid}.wav", 404, 20404)
    record = api.service.finished(tmp_path)
    path = f"Recordings/{record.sid}"
    api.delete(path)
    words = api.refused("GET", path, 404, 20404)
    assert f"{api.root}/{path} was not found" in words


@pytest.mark.parametrize(
    "path",
    [
        "Recordings/../../../etc/passwd",
        "Recordings/..%2f..%2fetc%2fpasswd.wav",
        "Recordings/%2e%2e/x.wav",
        "Recordings/RE.wav",
        "Recordings/RE0.wav.wav",
        "Recordings/%00.mp3",
        "Recordings/RE" + "g" * 32,
        "Recordings/RE" + "0" * 5000 + ".wav",
        "Recordings/.wav",
        "Recordings/\u202e.wav",
    ],
)
def test_hostile_paths_are_not_found(api: Api, path: str) -> None:
    answer = api.ask("GET", path)
    assert answer.status_code == 404
    assert "20404" in answer.text


def test_head_has_the_headers_alone(api: Api, tmp_path: Path) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    whole, head = api.ask("GET", path), api.ask("HEAD", path)
    assert head.content == b""
    assert dict(head.headers) == dict(whole.headers)
    assert head.headers["accept-ranges"] == "bytes"
    assert api.ask("HEAD", f"{path}?RequestedChannels=9").status_code == 400
    assert api.ask("HEAD", f"Recordings/{'x' * 34}.wav").status_code == 404


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("Bytes=16000-99999999", 16000, None),
        ("bytes=0-0", 0, 0),
    ],
)
def test_a_part(api: Api, tmp_path: Path, header: str, first: int, last: int | None) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    whole = api.ask("GET", path).content
    part = api.ask("GET", path, headers={"Range": header})
    assert part.status_code == 206
    assert part.content == whole[first : None if last is None else last + 1]
    start = first % len(whole)
    span = f"bytes {start}-{start + len(part.content) - 1}/{len(whole)}"
    assert part.headers["content-range"] == span


def test_several_parts(api: Api, tmp_path: Path) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    whole = api.ask("GET", path).content
    answer = api.ask("GET", path, headers={"Range": "bytes=0-3, 8-11, 99999999-"})
    assert answer.status_code == 206
    assert answer.headers["content-length"] == str(len(answer.content))
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    before, first, second, after = answer.content.split(b"--" + boundary.encode())
    assert (before, after) == (b"", b"--")
    assert first.endswith(f"bytes 0-3/{len(whole)}\r\n\r\nRIFF\r\n".encode())
    assert second.endswith(f"bytes 8-11/{len(whole)}\r\n\r\nWAVE\r\n".encode())


def test_parts_there_are_not(api: Api, tmp_path: Path) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    size = len(api.ask("GET", path).content)
    for header in (f"bytes={size}-", "bytes=-0", "bytes=999999-1000000, 888888-"):
        answer = api.ask("GET", path, headers={"Range": header})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-1",
        "lines=1-2",
        "bytes",
        "bytes=0-,0-,0-",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(17)),
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_ranges_not_understood_are_ignored(api: Api, tmp_path: Path, header: str) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    assert api.ask("GET", path, headers={"Range": header}).status_code == 200


@settings(max_examples=200)
@given(header=st.text(st.sampled_from("bytes=-,0123456789 "), max_size=20), size=st.integers(1, 50))
def test_a_range_is_within_the_file(header: str, size: int) -> None:
    found = wanted_ranges({"range": f"bytes={header}"}, size, Validators('"x"', 0))
    for part in found or []:
        assert 0 <= part.start < part.stop <= size


def test_requests_on_condition(api: Api, tmp_path: Path) -> None:
    path = f"Recordings/{api.service.finished(tmp_path).sid}.wav"
    known = api.ask("GET", path).headers
    etag, date = known["etag"], known["last-modified"]

    def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.ask("GET", path, headers=sent).status_code

    old = "Tue, 15 Nov 1994 12:45:26 GMT"
    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match=f'"other", W/{etag}') == 304
    assert status(If_None_Match="*") == 304
    assert status(If_None_Match='"other"', If_Modified_Since=date) == 200
    assert status(If_Modified_Since=date) == 304
    assert status(If_Modified_Since=old) == 200
    assert status(If_Modified_Since="yesterday") == 200
    assert status(If_Match='"other"') == 412
    assert status(If_Match=etag) == 200
    assert status(If_Unmodified_Since=old) == 412
    assert status(If_Unmodified_Since=date) == 200
    assert status(Range="bytes=0-1", If_Range=etag) == 206
    assert status(Range="bytes=0-1", If_Range='"other"') == 200
    assert status(Range="bytes=0-1", If_Range=date) == 206
    assert status(Range="bytes=0-1", If_Range=old) == 200


def test_a_file_of_many_chunks(api: Api, tmp_path: Path) -> None:
    record = api.service.finished(tmp_path, seconds=150)
    path = f"Recordings/{record.sid}.wav?RequestedChannels=2"
    stored = api.service.store.wav_path(record.sid).read_bytes()
    assert len(stored) > 4 << 20
    assert api.ask("GET", path).content == stored
    part = api.ask("GET", path, headers={"Range": "bytes=1000000-3200000"})
    assert part.content == stored[1_000_000:3_200_001]
    assert api.ask("HEAD", path).headers["content-length"] == str(len(stored))


def test_media_ask_for_credentials_unless_the_account_says_not(tmp_path: Path) -> None:
    for needed in (True, False):
        api = Api(tmp_path, ApiSettings(media_auth=needed))
        path = f"{api.root}/Recordings/{api.service.finished(tmp_path).sid}"
        assert api.http.get(f"{path}.wav").status_code == (401 if needed else 200)
        assert api.http.get(f"{path}.json").status_code == 401
        assert api.http.delete(path).status_code == 401
        other = path.replace(api.service.account.sid, "AC" + "0" * 32)
        assert api.http.get(other).status_code == (401 if needed else 404)
