"""A bot in words on ConversationRelay: it is sent what the caller said, and sends what to say."""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

ANSWERS = {"order": "It left this morning.", "bye": "Good bye."}


async def voice(request: Request) -> Response:
    url = f"ws://{request.headers['host']}/relay"
    return Response(
        f"<Response><Connect><ConversationRelay url='{url}' welcomeGreeting='How can I help?'/>"
        "</Connect></Response>",
        media_type="text/xml",
    )


async def relay(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            message = json.loads(await socket.receive_text())
            if message["type"] == "prompt" and message["last"]:
                said = message["voicePrompt"].lower()
                known = (words for key, words in ANSWERS.items() if key in said)
                words = next(known, "Could you say that again?")
                await socket.send_text(json.dumps({"type": "text", "token": words, "last": True}))
    except WebSocketDisconnect:
        pass


app = Starlette(routes=[Route("/voice", voice, methods=["POST"]), WebSocketRoute("/relay", relay)])
