"""twimlets.com: Twilio's small documents for common calls, each steered by its query.

Names and parameters are those of https://www.twilio.com/labs/twimlets; ``whisper``, which callme,
findme and simulring use for the callee, is documented by its published source. The texts that are
said where a parameter gives none are ours. No mail is sent: what voicemail would have sent is
noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final
from xml.etree.ElementTree import Element
from zlib import crc32

from mediasim.twilio.sites.music import BUCKETS, CLASSICAL, bucket_files, file_url
from mediasim.twilio.sites.site import SiteRequest, SiteResponse, no_such_page, twiml, verb

__all__ = ["twimlets"]

_TIMEOUT: Final = "20"
"""Seconds that a telephone rings unless ``Timeout`` says otherwise."""
_PUT_THROUGH: Final = ("completed", "answered")
_Twimlet = Callable[[SiteRequest], SiteResponse]


def twimlets(request: SiteRequest) -> SiteResponse:
    """Answer a request to twimlets.com."""
    name = request.path.removeprefix("/").removesuffix(".php").lower()
    twimlet = _TWIMLETS.get(name)
    if twimlet is None:
        return no_such_page(request, (f"/{each}" for each in _TWIMLETS))
    return twimlet(request)


def _heard(message: str) -> Element:
    """Return the verb for a message: a URL is played, a text said."""
    return verb("Play" if message.lower().startswith("http") else "Say", message)


def _lacking(request: SiteRequest, *names: str) -> list[str]:
    """Return a note for each required parameter that is absent."""
    path = request.path.removeprefix("/")
    return [
        f"twimlets.com/{path}: {name} is required" for name in names if not request.listed(name)
    ]


# -- messages -------------------------------------------------------------------------------


def _echo(request: SiteRequest) -> SiteResponse:
    notes = _lacking(request, "Twiml")
    if notes:
        return twiml(notes=notes)
    return SiteResponse(request.text("Twiml").encode())


def _message(request: SiteRequest) -> SiteResponse:
    said = [_heard(each) for each in request.listed("Message")]
    return twiml(*said, notes=_lacking(request, "Message"))


def _holdmusic(request: SiteRequest) -> SiteResponse:
    bucket = request.text("Bucket") or CLASSICAL
    notes = []
    if bucket not in BUCKETS:
        known = ", ".join(BUCKETS)
        notes = [f"twimlets.com/holdmusic: there is no Bucket {bucket!r} here: expected {known}"]
        bucket = CLASSICAL
    verbs: list[Element] = []
    for name in bucket_files(bucket):
        verbs.append(verb("Play", file_url(bucket, name)))
        if message := request.text("Message"):
            verbs.append(_heard(message))
    return twiml(*verbs, verb("Redirect"), notes=notes)


def _voicemail(request: SiteRequest) -> SiteResponse:
    email, transcribes = request.text("Email"), request.text("Transcribe").lower() != "false"
    notes = _lacking(request, "Email")
    if url := request.text("RecordingUrl"):
        who = f"twimlets.com/voicemail: to {email or 'nobody'}: a message"
        who += f" from {request.text('From') or request.text('Caller') or 'a caller'}: {url}.mp3"
        text = request.text("TranscriptionText")
        if request.has("TranscriptionStatus"):
            words = f', "{text}"' if text else ", which could not be transcribed"
            return twiml(notes=[*notes, f"{who}{words}; no mail is sent by this sandbox"])
        if not transcribes:
            notes.append(f"{who}; no mail is sent by this sandbox")
        return twiml(verb("Say", "Thank you. Good bye."), verb("Hangup"), notes=notes)
    again = request.page("/voicemail", {"Email": email, "Transcribe": request.text("Transcribe")})
    return twiml(
        _heard(request.text("Message") or "Please leave a message after the beep."),
        verb(
            "Record",
            action=again,
            maxLength="120",
            transcribe="true" if transcribes else "",
            transcribeCallback=again if transcribes else "",
        ),
        notes=notes,
    )


# -- other telephones -----------------------------------------------------------------------


def _forward(request: SiteRequest) -> SiteResponse:
    allowed = request.listed("AllowedCallers")
    if allowed and not _is_one_of(_caller(request), allowed) and not request.has("Dial"):
        sorry = "Sorry, you are calling from a number that may not call here. Good bye."
        return twiml(verb("Say", sorry), verb("Hangup"))
    return _dial(request, "PhoneNumber", whispers=False)


def _callme(request: SiteRequest) -> SiteResponse:
    return _dial(request, "PhoneNumber", whispers=True)


def _simulring(request: SiteRequest) -> SiteResponse:
    return _dial(request, "PhoneNumbers", whispers=True)


def _findme(request: SiteRequest) -> SiteResponse:
    return _dial(request, "PhoneNumbers", whispers=True, sequential=True)


def _dial(
    request: SiteRequest, name: str, *, whispers: bool, sequential: bool = False
) -> SiteResponse:
    """Ring the telephones of a parameter; what comes back from the Dial goes on to FailUrl."""
    fail = request.text("FailUrl")
    if request.has("Dial"):
        status = request.text("DialCallStatus") or request.text("DialStatus")
        failed = status not in _PUT_THROUGH and fail
        return twiml(verb("Redirect", fail) if failed else verb("Hangup"))
    telephones = request.listed(name)
    if not telephones:
        sorry = "Sorry, there is no number to call. Good bye."
        return twiml(verb("Say", sorry), verb("Hangup"), notes=_lacking(request, name))
    whisper = ""
    if whispers:
        message = request.text("Message") or request.text("Whisper")
        whisper = request.page("/whisper", {"Message": message, "HumanCheck": "1"})
    return twiml(
        verb(
            "Dial",
            "",
            *(verb("Number", number, url=whisper) for number in telephones),
            action=request.page(request.path, {"Dial": "true", "FailUrl": fail}),
            timeout=request.text("Timeout") or _TIMEOUT,
            callerId=request.text("CallerId"),
            sequential="true" if sequential else "",
        )
    )


def _whisper(request: SiteRequest) -> SiteResponse:
    if request.has("Digits"):  # a key was pressed: the end of the document connects the calls
        return twiml() if request.text("Digits") else twiml(verb("Hangup"))
    message = request.text("Message")
    if not message:
        digits = " ".join(f"{digit}." for digit in _caller(request) if not digit.isspace())
        message = f"You are receiving a call from {digits} Press any key to accept."
    ask = verb("Gather", "", _heard(message), numDigits="1")
    return twiml(ask, *([verb("Hangup")] if request.has("HumanCheck") else []))


# -- menus and conferences ------------------------------------------------------------------


def _menu(request: SiteRequest) -> SiteResponse:
    options = request.entries("Options")
    pressed = request.text("Digits")
    if pressed in options:
        return twiml(verb("Redirect", options[pressed]))
    sorry = [verb("Say", "Sorry, that is not a valid choice.")] if pressed else []
    prompt = request.text("Message") or "Please make a choice."
    longest = max((len(key) for key in options), default=1)
    again = request.again("Message", "Options")
    return twiml(
        *sorry,
        verb("Gather", "", _heard(prompt), numDigits=str(longest), action=again),
        verb("Redirect", again),
        notes=_lacking(request, "Options"),
    )


def _conference(request: SiteRequest) -> SiteResponse:
    password, moderators = request.text("Password"), request.listed("Moderators")
    if password and request.text("Digits") != password:
        wrong = [verb("Say", "That is not the password.")] if request.has("Digits") else []
        ask = verb("Say", "Please enter the password of this conference.")
        again = request.again("Name", "Message", "Moderators", "Music", "Password")
        gather = verb("Gather", "", ask, numDigits=str(len(password)), action=again)
        return twiml(*wrong, gather, verb("Redirect", again))
    message = request.text("Message")
    keyed = "".join((*moderators, message))
    # Without a name, who has the same moderators and message meets in the same conference.
    name = request.text("Name") or f"twimlet-{crc32(keyed.encode()):08x}"
    room = verb("Conference", name, waitUrl=_music_url(request, request.text("Music")))
    if moderators and not _is_one_of(_caller(request), moderators):
        room.set("startConferenceOnEnter", "false")
    return twiml(*([_heard(message)] if message else []), verb("Dial", "", room))


def _music_url(request: SiteRequest, music: str) -> str:
    if not music or music.lower().startswith("http"):
        return music
    return request.page("/holdmusic", {"Bucket": f"com.twilio.music.{music}"})


def _caller(request: SiteRequest) -> str:
    return request.text("From") or request.text("Caller")


def _is_one_of(number: str, numbers: Iterable[str]) -> bool:
    """Tell whether a number is one of several, by its last ten digits, however it is written."""

    def digits(text: str) -> str:
        return re.sub(r"\D", "", text)[-10:]

    return bool(digits(number)) and digits(number) in map(digits, numbers)


_TWIMLETS: Final[dict[str, _Twimlet]] = {
    "callme": _callme,
    "conference": _conference,
    "echo": _echo,
    "findme": _findme,
    "forward": _forward,
    "holdmusic": _holdmusic,
    "menu": _menu,
    "message": _message,
    "simulring": _simulring,
    "voicemail": _voicemail,
    "whisper": _whisper,
}
