"""A voicemail app as they are published: made for a tunnel, with api.twilio.com in its source.

Flask, signatures checked for the tunnel's https, the recording fetched, a text message sent.
"""

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
public_url = os.environ["PUBLIC_URL"]
owner = "+14155550101"


@app.before_request
def only_twilio() -> None:
    signature = request.headers.get("X-Twilio-Signature", "")
    url = public_url + request.full_path.rstrip("?")
    if not validator.validate(url, request.form, signature):
        abort(403)


@app.post("/voice")
def voice() -> Response:
    response = VoiceResponse()
    response.say("Please leave a message.")
    recorded_url = public_url + "/recorded"
    response.record(timeout=2, action="/bye", recording_status_callback=recorded_url)
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
    message = client.messages.create(
        to=owner,
        from_="+14155550100",
        body=f"A message of {recording.duration} s: {recording.uri}",
        status_callback=public_url + "/sms-status",
    )
    print(f"{media.status_code} {kind}, told by {message.sid[:2]}", flush=True)
    return "", 204


@app.post("/sms-status")
def sms_status() -> tuple[str, int]:
    print("text message", request.form["MessageStatus"], flush=True)
    return "", 204


if __name__ == "__main__":
    app.run(port=int(os.getenv("PORT", "5000")))
