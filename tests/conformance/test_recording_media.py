"""A recording's media as anything that speaks HTTP gets them: formats, channels, parts, doors."""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from judged_client import judged_client
from number_plan import ALICE_HZ, APP_NUMBER, BOB, BOB_HZ, number_plan
from sandbox_process import Sandbox, running_sandbox
from sound_checks import heard, mp3_channels, samples_of
from twilio.rest import Client
from user_app import UserApp


@pytest.fixture
def dual(sandbox: Sandbox, client: Client, app: UserApp) -> str:
    """A completed recording of Alice and Bob, asked for in two channels."""
    return recorded(sandbox, client, app, "record-from-answer-dual")


def recorded(sandbox: Sandbox, client: Client, app: UserApp, record: str) -> str:
    app.replies["/voice"] = f'<Dial record="{record}"><Number>{BOB}</Number></Dial>'
    sandbox.call(APP_NUMBER, "alice")
    sandbox.run_out()
    sid: str = client.recordings.list(limit=1)[0].sid
    return sid


# -- channels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".wav"])
def test_channels_of_a_dual_recording(sandbox: Sandbox, dual: str, ending: str) -> None:
    plain, two = (
        sandbox.samples(dual, ending),
        sandbox.samples(dual, f"{ending}?RequestedChannels=2"),
    )
    one = sandbox.samples(dual, f"{ending}?RequestedChannels=1")
    assert [heard(channel, ALICE_HZ, BOB_HZ) for channel in two] == [{ALICE_HZ}, {BOB_HZ}]
    assert np.array_equal(plain, two)
    assert one.shape == (1, two.shape[1])
    assert heard(one[0], ALICE_HZ, BOB_HZ) == {ALICE_HZ, BOB_HZ}


def test_channels_of_a_recording_asked_for_in_one(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    sid = recorded(sandbox, client, app, "record-from-answer")
    assert sandbox.samples(sid).shape[0] == 1
    assert heard(sandbox.samples(sid)[0], ALICE_HZ, BOB_HZ) == {ALICE_HZ, BOB_HZ}
    two = sandbox.samples(sid, ".wav?RequestedChannels=2")
    assert [heard(channel, ALICE_HZ, BOB_HZ) for channel in two] == [{ALICE_HZ}, {BOB_HZ}]


@pytest.mark.parametrize(
    ("query", "channels"), [("", 2), ("?RequestedChannels=1", 1), ("?RequestedChannels=2", 2)]
)
def test_mp3(sandbox: Sandbox, dual: str, query: str, channels: int) -> None:
    status, headers, body = sandbox.download(dual, f".mp3{query}")
    assert (status, headers["Content-Type"]) == (200, "audio/mpeg")
    assert mp3_channels(body) == channels


@pytest.mark.parametrize("wrong", ["0", "3", "both", "-1", "2" * 500, "%00"])
def test_other_numbers_of_channels(sandbox: Sandbox, dual: str, wrong: str) -> None:
    assert sandbox.download(dual, f".wav?RequestedChannels={wrong}")[0] == 400


# -- parts ----------------------------------------------------------------------------------------


def test_head(sandbox: Sandbox, dual: str) -> None:
    _, told, body = sandbox.download(dual, ".wav")
    status, headers, nothing = sandbox.download(dual, ".wav", method="HEAD")
    assert (status, nothing) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges"):
        assert headers[name] == told[name]
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-43", slice(0, 44)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-16", slice(-16, None)),
        ("bytes=44-99999999", slice(44, None)),
    ],
)
def test_parts(sandbox: Sandbox, dual: str, asked: str, part: slice) -> None:
    whole = sandbox.download(dual, ".wav")[2]
    status, headers, body = sandbox.download(dual, ".wav", Range=asked)
    assert (status, body) == (206, whole[part])
    assert headers["Content-Range"].endswith(f"/{len(whole)}")
    assert headers["Content-Type"] == "audio/x-wav"


def test_a_download_that_goes_on_where_it_broke(sandbox: Sandbox, dual: str) -> None:
    _, told, whole = sandbox.download(dual, ".mp3")
    rest = sandbox.download(dual, ".mp3", Range="bytes=500-", If_Range=told["ETag"])
    assert (rest[0], whole[:500] + rest[2]) == (206, whole)
    assert sandbox.download(dual, ".mp3", Range="bytes=500-", If_Range='"other"')[0] == 200


def test_parts_that_are_not_there(sandbox: Sandbox, dual: str) -> None:
    status, headers, _ = sandbox.download(dual, ".wav", Range="bytes=99999999-")
    assert status == 416
    assert headers["Content-Range"].startswith("bytes */")
    for odd in ("lines=1-2", "bytes=9-1", "bytes=", "bytes=a-b", "bytes=0-1," * 500):
        assert sandbox.download(dual, ".wav", Range=odd)[0] in (200, 206, 416)


def test_what_has_not_changed_is_not_sent_again(sandbox: Sandbox, dual: str) -> None:
    etag = sandbox.download(dual, ".wav")[1]["ETag"]
    assert sandbox.download(dual, ".wav", If_None_Match=etag)[0] == 304


# -- doors ----------------------------------------------------------------------------------------


def test_credentials_are_asked_for(sandbox: Sandbox, dual: str) -> None:
    for authorization in ("Basic d3Jvbmc6d3Jvbmc=", "Basic !!", "Bearer token", "Basic"):
        status, headers, body = sandbox.download(dual, ".wav", Authorization=authorization)
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="Twilio API"')
        assert b'"code":20003' in body


def test_an_api_key_opens_the_door_too(sandbox: Sandbox, client: Client, dual: str) -> None:
    key = client.new_keys.create()
    credentials = b64encode(f"{key.sid}:{key.secret}".encode()).decode()
    assert sandbox.download(dual, ".wav", Authorization=f"Basic {credentials}")[0] == 200


@pytest.fixture(params=["media_auth: false", "profile: 2016-legacy"])
def open_sandbox(request: pytest.FixtureRequest, app: UserApp, tmp_path: Path) -> Iterator[Sandbox]:
    config = number_plan(app.url) + f"{request.param}\n"
    with running_sandbox("--clock", "virtual", config=config, folder=tmp_path) as sandbox:
        yield sandbox


def test_an_account_may_give_its_media_to_anybody(open_sandbox: Sandbox, app: UserApp) -> None:
    sid = recorded(open_sandbox, judged_client(open_sandbox), app, "record-from-answer-dual")
    status, _, body = open_sandbox.download(sid, ".wav", Authorization="")
    assert (status, samples_of(body).shape[0]) == (200, 2)
    assert open_sandbox.download(sid, ".json", Authorization="")[0] == 401


def test_media_of_a_recording_under_way(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = "<Pause length='60'/>"
    sid = stepped.call(APP_NUMBER, "alice")
    stepped.advance(1)
    recording = stepped_client.calls(sid).recordings.create()
    stepped.advance(1)
    assert stepped.download(recording.sid, ".wav")[0] == 404
    recording.update(status="stopped")
    assert stepped.download(recording.sid, ".wav")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/Recordings/../../../../etc/passwd",
        "/Recordings/..%2f..%2f..%2fetc%2fpasswd",
        "/Recordings/%2e%2e/%2e%2e/etc/passwd.wav",
        "/Recordings/..%5c..%5cetc%5cpasswd.wav",
        "/Recordings//etc/passwd.wav",
        "/Recordings/RE%00.wav",
        "/Recordings/%.wav",
        "/Recordings/.wav",
        "/Recordings/RE" + "f" * 32 + ".ogg",
        "/Recordings/RE" + "f" * 32 + ".wav.wav",
        "/Recordings/RE" + "f" * 4000 + ".wav",
        "/Recordings/{sid}.wav/",
        "/Recordings/{sid}/../{sid}.wav",
        "/Recordings/{sid}.WAV",
        "/Recordings/{sid}%0d%0aX-Injected:%20yes.wav",
    ],
)
def test_hostile_paths_lead_nowhere(sandbox: Sandbox, dual: str, path: str) -> None:
    where = urlsplit(sandbox.account_url(path.format(sid=dual)))
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        connection.request("GET", where.path, headers={"Authorization": sandbox.authorization})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status == 404
    assert b"20404" in body
    assert b"root:" not in body
    assert answer.headers["X-Injected"] is None


def test_another_account_s_media(sandbox: Sandbox, dual: str) -> None:
    where = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        path = f"/2010-04-01/Accounts/AC{'0' * 32}/Recordings/{dual}.wav"
        connection.request("GET", path, headers={"Authorization": sandbox.authorization})
        assert connection.getresponse().status == 401
    finally:
        connection.close()
