"""A sandbox with a manual clock and a talkative app, for tests of the inspector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from serving import App, Sandbox, app, serving

__all__ = ["HOSTILE", "NUMBER", "called", "staged"]

NUMBER: Final = "+14155550100"
HOSTILE: Final = "<img src=x onerror=\"document.title='run'\">"

_PLAN: Final = """
numbers:
  {number}: {{voice_url: "{url}/voice?<b>", status_callback: "{url}/status"}}
parties:
  alice:
    number: +14155550101
    network: {{loss: 5%}}
    script:
      - say: {hostile}
      - pause: 2s
      - dtmf: "1"
      - pause: 6s
      - hangup
  bob: {{number: +14155550102, script: [{{say: four five six}}]}}
"""
_VOICE: Final = """<Start><Recording recordingStatusCallback="/recorded"/></Start>
<Gather numDigits="1" action="/menu"><Say>&lt;script&gt;alert(1)&lt;/script&gt;</Say></Gather>"""
_MENU: Final = """<Dial record="record-from-answer-dual">+14155550102</Dial><Sing/>"""


@contextmanager
def staged(folder: Path, *options: str) -> Iterator[tuple[Sandbox, App]]:
    with app(menu=_MENU) as user_app:
        user_app.documents["/voice?%3Cb%3E"] = f"<Response>{_VOICE}</Response>"
        user_app.documents["/voice?<b>"] = f"<Response>{_VOICE}</Response>"
        plan = folder / "plan.yaml"
        hostile = "'" + HOSTILE.replace("'", "''") + "'"
        plan.write_text(_PLAN.format(number=NUMBER, url=user_app.url, hostile=hostile))
        with serving(
            "--in-memory", "--config", str(plan), *(options or ("--clock", "manual"))
        ) as sandbox:
            yield sandbox, user_app


def called(sandbox: Sandbox) -> str:
    """A whole call, from its ringing to its recordings; its SID."""
    sandbox.control("POST", "/reset")
    sid: str = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})["sid"]
    sandbox.control("POST", "/clock/run-until-idle")
    return sid
