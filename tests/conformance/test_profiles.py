"""Twilio's behaviour as of a date, asked for with ``--profile`` and heard in what is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged_client import judged_client
from number_plan import ALICE_HZ, APP_NUMBER, BOB, BOB_HZ, CAROL_HZ, number_plan
from sandbox_process import Sandbox, running_sandbox
from sound_checks import heard
from user_app import UserApp

TALK = f"<Dial record='record-from-answer'><Number>{BOB}</Number></Dial>"
MEETING = (
    "<Dial><Conference beep='false' record='record-from-start' waitUrl=''>room</Conference></Dial>"
)
ALL = (ALICE_HZ, BOB_HZ, CAROL_HZ)
NOT_FOUND = None


def channels(sandbox: Sandbox, sid: str, query: str = "") -> list[set[float]] | None:
    """Who is in each channel of a download; NOT_FOUND where there is none."""
    if sandbox.download(sid, f".wav{query}")[0] == 404:
        return NOT_FOUND
    return [heard(channel, *ALL) for channel in sandbox.samples(sid, f".wav{query}")]


@pytest.mark.parametrize(
    ("profile", "talk", "meeting"),
    [
        ("2016-legacy", NOT_FOUND, NOT_FOUND),
        ("2022-05", [{ALICE_HZ}, {BOB_HZ}], NOT_FOUND),
        ("2024-07", [{ALICE_HZ}, {BOB_HZ}], [{ALICE_HZ}, {BOB_HZ, CAROL_HZ}]),
        ("2025-09", [{ALICE_HZ}, {BOB_HZ}], [{ALICE_HZ}, {BOB_HZ, CAROL_HZ}]),
    ],
)
def test_two_channels(
    app: UserApp,
    tmp_path: Path,
    profile: str,
    talk: list[set[float]] | None,
    meeting: list[set[float]] | None,
) -> None:
    """Of a call recorded without a word on channels, and of a conference."""
    options = ("--clock", "virtual", "--profile", profile)
    with running_sandbox(*options, config=number_plan(app.url), folder=tmp_path) as sandbox:
        client = judged_client(sandbox)
        app.replies["/voice"] = TALK
        sandbox.call(APP_NUMBER, "alice")
        sandbox.run_out()
        (recording,) = client.recordings.list()
        assert channels(sandbox, recording.sid) == [{ALICE_HZ, BOB_HZ}]
        assert channels(sandbox, recording.sid, "?RequestedChannels=2") == talk
        joining = iter(("bob", "carol"))

        def next_one() -> str:
            name = next(joining, None)
            if name is not None:
                sandbox.call(APP_NUMBER, name)
            return MEETING

        app.replies["/voice"] = lambda asked: next_one()
        sandbox.call(APP_NUMBER, "alice")
        sandbox.run_out()
        (recording,) = client.conferences(client.conferences.list()[0].sid).recordings.list()
        assert channels(sandbox, recording.sid) == [set(ALL)]
        assert channels(sandbox, recording.sid, "?RequestedChannels=2") == meeting
