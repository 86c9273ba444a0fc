"""A voicemail app as they are published: Flask, Twilio's SDK, and api.twilio.com in its source."""

import os

import requests
from flask import Flask, Response, abort, request
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
account_sid = os.environ["TWILIO_ACCOUNT_SID"]
auth_token = os.environ["TWILIO_AUTH_TOKEN"]
client = Client(account_sid, auth_token)
validator = RequestValidator(auth_token)


@app.before_request
def only_twilio() -> None:
    signature = request.headers.get("X-Twilio-Signature", "")
    if not validator.validate(request.url, request.form, signature):
        abort(403)


@app.post("/voice")
def voice() -> Response:
    response = VoiceResponse()
    response.say("Please leave a message.")
    response.record(timeout=2, action="/bye", recording_status_callback="/recorded")
    return Response(str(response), mimetype="text/xml")


@app.post("/bye")
def bye() -> Response:
    response = VoiceResponse()
    response.hangup()
    return Response(str(response), mimetype="text/xml")


@app.post("/recorded")
def recorded() -> tuple[str, int]:
    sid = request.form["RecordingSid"]
    recording = client.recordings(sid).fetch()
    url = f"https://api.twilio.com/2010-04-01/Accounts/{account_sid}/Recordings/{sid}.mp3"
    media = requests.get(url, auth=(account_sid, auth_token), timeout=10)
    kind = media.headers["Content-Type"]
    print(f"message of {recording.duration} s: {media.status_code} {kind}", flush=True)
    return "", 204


if __name__ == "__main__":
    app.run(port=int(os.getenv("PORT", "5000")))
