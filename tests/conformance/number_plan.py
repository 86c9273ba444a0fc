"""Who can be called: the parties of all tests here, each with a tone to know it by."""

from __future__ import annotations

__all__ = [
    "ALICE",
    "ALICE_HZ",
    "APP_NUMBER",
    "BOB",
    "BOB_HZ",
    "BROKEN",
    "BUSY",
    "CAROL",
    "CAROL_HZ",
    "DEAF",
    "QUIET",
    "number_plan",
]

APP_NUMBER = "+14155550100"
ALICE, ALICE_HZ = "+14155550101", 620
BOB, BOB_HZ = "+14155550102", 1000
CAROL, CAROL_HZ = "+14155550103", 1700
QUIET = "+14155550104"
"""Answers, and says nothing."""
BUSY = "+14155550105"
DEAF = "+14155550106"
"""Never answers."""
BROKEN = "+14155550107"
"""Cannot be reached."""

_PLAN = """
numbers:
  {app}: {{voice_url: {url}/voice, status_callback: {url}/status}}
parties:
  alice: {{number: {alice}, script: [{{tone: {{hz: {alice_hz}, for: 4s}}}}]}}
  bob: {{number: {bob}, script: [{{tone: {{hz: {bob_hz}, for: 4s}}}}]}}
  carol: {{number: {carol}, script: [{{tone: {{hz: {carol_hz}, for: 4s}}}}]}}
  quiet: {{number: {quiet}}}
  busy: {{number: {busy}, answer: busy}}
  deaf: {{number: {deaf}, answer: no-answer}}
  broken: {{number: {broken}, answer: failed}}
recordings: {{processing: 0s}}
sip: {{siprec: {{tapes: simulated}}}}
"""


def number_plan(app_url: str) -> str:
    """The config file, for an app that is there."""
    return _PLAN.format(
        url=app_url,
        app=APP_NUMBER,
        alice=ALICE,
        alice_hz=ALICE_HZ,
        bob=BOB,
        bob_hz=BOB_HZ,
        carol=CAROL,
        carol_hz=CAROL_HZ,
        quiet=QUIET,
        busy=BUSY,
        deaf=DEAF,
        broken=BROKEN,
    )
