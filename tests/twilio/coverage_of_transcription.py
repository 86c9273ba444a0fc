"""For each parameter of real-time transcription, a scene in which it changes something."""

from __future__ import annotations

from typing import Final

from account_stage import APP
from coverage_stage import NAMED, Asked, Play, Scene, Stage
from meeting import until

_SWEARS = (NAMED[0], "Damn it, hello there.")
_SETTINGS = {
    "InboundTrackLabel": "customer",
    "OutboundTrackLabel": "agent",
    "LanguageCode": "de-DE",
    "TranscriptionEngine": "deepgram",
    "SpeechModel": "long",
    "Hints": "there",
    "Track": "outbound_track",
    "Name": "a",
    "EnableProviderData": "true",
    "ProfanityFilter": "false",
    "PartialResults": "true",
    "EnableAutomaticPunctuation": "false",
    "IntelligenceService": "nobody",
}
_DOCUMENT = (
    "<Start><Transcription {0} ¤/></Start><Pause length='4'/>"
    "<Stop><Transcription name='a'/></Stop><Pause/>"
)
_TOLD = 'statusCallbackUrl="/status"'

TRANSCRIPTION_SCENES: Final = (
    Scene(
        "Transcription",
        _DOCUMENT.format(_TOLD),
        {f"{name[0].lower()}{name[1:]}": value for name, value in _SETTINGS.items()}
        | {"statusCallbackMethod": "GET"},
        (0.2, _SWEARS, 4.0, "hangup"),
    ),
    Scene("Transcription", _DOCUMENT.format(""), {"statusCallbackUrl": "/status"}),
)
"""The attributes of the noun."""


def _transcribes(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='5'/>", 0.5, _SWEARS, 2.0, "hangup")
        await until(stage, 0.3)
        await stage.tried("POST", f"Calls/{sid}/Transcriptions", **form)

    return play


async def _stops(stage: Stage) -> None:
    sid = stage.comes("<Pause length='5'/>", 0.5, NAMED, 2.0, "hangup")
    await until(stage, 0.3)
    made = await stage.ask("POST", f"Calls/{sid}/Transcriptions")
    await until(stage, 1)
    await stage.tried("POST", f"Calls/{sid}/Transcriptions/{made['sid']}")


_CALLBACK = {"StatusCallbackUrl": f"{APP}/status"}
TRANSCRIPTION_ASKED: Final = (
    Asked(
        "Calls/{call}/Transcriptions",
        _transcribes(**_CALLBACK),
        {**_SETTINGS, "StatusCallbackMethod": "GET"},
    ),
    Asked("Calls/{call}/Transcriptions", _transcribes(), _CALLBACK),
    Asked("Calls/{call}/Transcriptions/{sid}", _stops, {"Status": "stopped"}),
)
"""The parameters of the resource."""
