"""An echo in words on Twilio's own framework for voice agents (twilio-agent-connect)."""

from __future__ import annotations

import os
import socket
from typing import Any

import uvicorn
from tac import TAC, TACConfig  # type: ignore[import-not-found]
from tac.channels.voice import VoiceChannel  # type: ignore[import-not-found]
from tac.server import TACFastAPIServer  # type: ignore[import-not-found]

sid = os.environ["TWILIO_ACCOUNT_SID"]
tac = TAC(
    config=TACConfig(
        account_sid=sid,
        auth_token=os.environ["TWILIO_AUTH_TOKEN"],
        api_key="SK" + "0" * 32,
        api_secret="0" * 32,
        phone_number=os.environ["PHONE_NUMBER"],
        voice_public_domain=os.environ["PUBLIC_NAME"],
    )
)


async def answer(message: str, *_: Any) -> str:
    return f"You said: {message}"


tac.on_message_ready(answer)
server = TACFastAPIServer(tac=tac, voice_channel=VoiceChannel(tac))
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(server.app, log_level="warning")).run(sockets=[listening])
