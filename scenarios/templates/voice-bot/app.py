"""A voice bot on Media Streams: it answers when the caller has spoken, and stops when interrupted.

Its voice is a tone: put your recogniser, model and voice in its place.
"""

import base64
import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

VOICE = base64.b64encode(bytes([0x10, 0x90] * 16_000)).decode()  # four seconds of mu-law
QUIET_FRAMES = 10  # of 20 ms each: the caller has finished


async def voice(request: Request) -> Response:
    url = f"ws://{request.headers['host']}/media"
    return Response(
        f"<Response><Connect><Stream url='{url}'/></Connect></Response>", media_type="text/xml"
    )


def is_loud(payload: str) -> bool:
    """Tell whether 20 ms of mu-law have speech in them."""
    return sum(byte & 0x7F < 0x60 for byte in base64.b64decode(payload)) > 20


async def media(socket: WebSocket) -> None:
    await socket.accept()
    loud = quiet = 0
    try:
        while True:
            message = json.loads(await socket.receive_text())
            if message["event"] != "media":
                continue
            stream = {"streamSid": message["streamSid"]}
            if is_loud(message["media"]["payload"]):
                loud, quiet = loud + 1, 0
                if loud == 5:  # the caller speaks: fall silent
                    await socket.send_text(json.dumps({"event": "clear", **stream}))
            else:
                quiet += 1
                if quiet == QUIET_FRAMES and loud >= 5:
                    answer = {"event": "media", **stream, "media": {"payload": VOICE}}
                    await socket.send_text(json.dumps(answer))
                loud = loud if quiet < QUIET_FRAMES else 0
    except WebSocketDisconnect:
        pass


app = Starlette(routes=[Route("/voice", voice, methods=["POST"]), WebSocketRoute("/media", media)])
