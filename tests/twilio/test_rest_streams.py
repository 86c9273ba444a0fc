"""Streams as resources of a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rest_stage import APP, Api

from mediasim.twilio.requests import Callback, StreamRequest


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def test_a_stream_is_started_and_stopped(api: Api) -> None:
    call = api.service.call_in_progress()
    form: dict[str, Any] = {
        "Url": "wss://localhost/media",
        "Name": "mine",
        "Track": "both_tracks",
        "StatusCallback": f"{APP}/stream",
        "StatusCallbackMethod": "GET",
        "Parameter1.Name": "who",
        "Parameter1.Value": "Ann",
        "Parameter99.Name": "last",
    }
    made = api.post(f"Calls/{call.sid}/Streams.json", **form)
    assert (made["status"], made["name"], made["call_sid"]) == ("in-progress", "mine", call.sid)
    assert made["sid"].startswith("MZ")
    assert made["uri"] == f"{api.root}/Calls/{call.sid}/Streams/{made['sid']}.json"
    assert api.service.streams.asked == [
        StreamRequest(
            "wss://localhost/media",
            "mine",
            "both_tracks",
            Callback(f"{APP}/stream", "GET"),
            {"who": "Ann", "last": ""},
        )
    ]
    path = f"Calls/{call.sid}/Streams/{made['sid']}.json"
    assert api.post(path, Status="stopped")["status"] == "stopped"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21205),
        ({"Url": "http://localhost/media"}, 31922),
        ({"Url": "https://localhost/media"}, 31922),
        ({"Url": "/media"}, 31922),
        ({"Url": "wss://localhost:99999/media"}, 31923),
        ({"Url": "wss://localhost", "Track": "sideways"}, 20001),
    ],
)
def test_a_wrong_stream_is_refused(api: Api, form: dict[str, str], code: int) -> None:
    call = api.service.call_in_progress()
    api.refused("POST", f"Calls/{call.sid}/Streams.json", 400, code, data=form)


def test_a_stream_can_only_be_stopped(api: Api) -> None:
    call = api.service.call_in_progress()
    path = f"Calls/{call.sid}/Streams/MZ{'0' * 32}.json"
    api.refused("POST", path, 400, 20001, data={"Status": "paused"})
    api.refused("POST", path, 400, 20001)
    api.refused("POST", path, 404, 20404, data={"Status": "stopped"})
    api.refused("GET", path, 405, 20004)
