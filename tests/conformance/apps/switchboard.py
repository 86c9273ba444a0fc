"""A switchboard as they are published: screening, twimlets, and a test call to its own number."""

import os
from xml.sax.saxutils import quoteattr

from flask import Flask, Response, request
from twilio.rest import Client

app = Flask(__name__)
client = Client()
own = "+14155550100"
agent = "+14155550101"
public_url = os.environ["NGROK_URL"]


def twiml(text: str) -> Response:
    return Response(f"<Response>{text}</Response>", mimetype="text/xml")


@app.post("/voice")
def voice() -> Response:
    hold = "http://twimlets.com/holdmusic?Bucket=com.twilio.music.ambient"
    wait = quoteattr(hold)
    number = f'<Number url="/screen">{agent}</Number>'
    return twiml(
        f'<Dial action="/queue" timeout="10">{number}</Dial>'
        f'<Dial><Conference waitUrl={wait} startConferenceOnEnter="false">x</Conference></Dial>'
    )


@app.post("/screen")
def screen() -> Response:
    prompt = "<Say>Press any key to accept.</Say>"
    return twiml(f'<Gather numDigits="1" action="/accept">{prompt}</Gather><Hangup/>')


@app.post("/accept")
def accept() -> Response:
    print("accepted with", request.form["Digits"], flush=True)
    return twiml("<Say>Connecting.</Say>")


@app.post("/queue")
def queue() -> Response:
    print("dial", request.form["DialCallStatus"], flush=True)
    url = "http://twimlets.com/message?" + "Message%5B0%5D=Thank+you.+Good+bye."
    return twiml(f"<Redirect>{url}</Redirect>")


@app.post("/test-call")
def test_call() -> str:
    """What a page's button asks for: the app calls its own number."""
    call = client.calls.create(to=own, from_=own, url=f"{public_url}/greeting")
    return str(call.sid)


@app.post("/greeting")
def greeting() -> Response:
    print("greeting", request.form["Direction"], flush=True)
    return twiml("<Say>This is a test.</Say>")


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
