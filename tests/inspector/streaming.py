"""A sandbox whose app is a voice bot, and a whole call to it, for tests of the inspector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from serving import Sandbox, app, serving

from mediasim.scenario.running.apps import running_bots

__all__ = ["FORK", "bot_stage", "talked"]

_NUMBER: Final = "+14155550100"
_BOTS: Final = Path(__file__).parents[2] / "scenarios" / "bots"
FORK: Final = "ws://127.0.0.1:9/"
"""Where nobody listens."""
_PLAN: Final = """
numbers:
  {number}: {{voice_url: "{url}/voice", status_callback: "{url}/status"}}
parties:
  alice:
    number: +14155550101
    script:
      - wait_for: other-stops
      - say: I would like to know where my order is.
      - wait_for: {{speech: true}}
      - pause: 1s
      - say: Sorry, one more thing, it is a present.
      - wait_for: {{speech: true}}
      - wait_for: other-stops
      - say: Thank you.
      - hangup
"""
_VOICE: Final = """<Start><Stream url="{fork}" name="copy"/></Start>
<Connect><Stream url="{bot}" name="bot"/></Connect>"""


@contextmanager
def bot_stage(folder: Path) -> Iterator[Sandbox]:
    with running_bots(["order_line.py"], _BOTS, {}) as bots, app() as user_app:
        voice = _VOICE.format(fork=FORK, bot=bots["order_line.py"].url)
        user_app.documents["/voice"] = f"<Response>{voice}</Response>"
        plan = folder / "plan.yaml"
        plan.write_text(_PLAN.format(number=_NUMBER, url=user_app.url))
        with serving("--in-memory", "--config", str(plan), "--clock", "manual") as sandbox:
            yield sandbox


def talked(sandbox: Sandbox) -> str:
    """A whole call in bad weather; its SID."""
    sandbox.control("POST", "/weather", {"webhook_duplicate": 2, "only": "call-status"})
    sid: str = sandbox.control("POST", "/calls", {"to": _NUMBER, "from": "alice"})["sid"]
    sandbox.control("POST", "/clock/run-until-idle")
    return sid
