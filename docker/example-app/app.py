"""A voicemail app as one writes it for Twilio: it greets, records, and fetches each message."""

from __future__ import annotations

import os

import requests
from flask import Flask, abort, request
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

ACCOUNT, TOKEN = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
app = Flask(__name__)


@app.before_request
def refuse_strangers() -> None:
    signature = request.headers.get("X-Twilio-Signature", "")
    if not RequestValidator(TOKEN).validate(request.url, request.form, signature):
        abort(403)


@app.post("/voice")
def voice() -> str:
    reply = VoiceResponse()
    reply.say("Nobody is here. Please leave a message after the beep.")
    reply.record(timeout=2, action="/thanks", recording_status_callback="/recorded")
    return str(reply)


@app.post("/thanks")
def thanks() -> str:
    reply = VoiceResponse()
    reply.say("Thank you.")
    return str(reply)


@app.post("/recorded")
def recorded() -> tuple[str, int]:
    found = requests.get(request.form["RecordingUrl"] + ".wav", auth=(ACCOUNT, TOKEN), timeout=10)
    found.raise_for_status()
    seconds = request.form["RecordingDuration"]
    print(f"a message of {seconds} s: {len(found.content)} bytes of WAV", flush=True)
    return "", 204


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
