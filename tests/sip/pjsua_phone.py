"""A pjsua2 telephone as a program of its own: registers, calls or waits, and does what it is told.

    python pjsua_phone.py SERVER USER PASSWORD PLAYS.wav STEP...

Steps: ``call:NUMBER``, ``wait`` (for a call, which it answers), ``sleep:SECONDS``, ``hold``,
``resume``, ``keys:DIGITS``, ``refer:URI``, ``hangup``. Prints what happened, a line each.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pjsua2 as pj  # type: ignore[import-not-found, import-untyped, unused-ignore]


def say(words: str) -> None:
    print(words, flush=True)


class Call(pj.Call):  # type: ignore[misc, unused-ignore]
    """Plays a file to whoever is there."""

    plays = ""
    player: Any = None

    def onCallState(self, prm: Any) -> None:
        say(f"state {self.getInfo().stateText}")

    def onCallTransferStatus(self, prm: Any) -> None:
        say(f"transfer {prm.statusCode}")

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        say(f"media {info.media[0].status}")
        if info.media[0].status != pj.PJSUA_CALL_MEDIA_ACTIVE:
            return
        if self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.plays, pj.PJMEDIA_FILE_NO_LOOP)
        self.player.startTransmit(self.getAudioMedia(0))


class Account(pj.Account):  # type: ignore[misc, unused-ignore]
    def __init__(self) -> None:
        super().__init__()
        self.rung: Any = None

    def onRegState(self, prm: Any) -> None:
        say(f"registered {prm.code}")

    def onIncomingCall(self, prm: Any) -> None:
        self.rung = Call(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.rung.answer(answer)


def main(server: str, user: str, password: str, plays: str, *steps: str) -> None:
    Call.plays = plays
    end = pj.Endpoint()
    end.libCreate()
    settings = pj.EpConfig()
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    settings.uaConfig.threadCnt = 0
    end.libInit(settings)
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    end.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    end.libStart()
    end.audDevManager().setNullDev()
    for codec in end.codecEnum2():
        end.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU") else 0)

    account, own = Account(), pj.AccountConfig()
    own.idUri = f"sip:{user}@{server}"
    own.regConfig.registrarUri = f"sip:{server}"
    own.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
    own.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account.create(own)

    def events(seconds: float, until: Any = lambda: False) -> None:
        over = time.monotonic() + seconds
        while time.monotonic() < over and not until():
            end.libHandleEvents(10)

    events(3, lambda: account.getInfo().regStatus not in (0, 100))
    call: Any = None
    for step in steps:
        name, _, value = step.partition(":")
        if name == "call":
            call = Call(account)
            call.makeCall(f"sip:{value}@{server}", pj.CallOpParam(True))
            events(3, lambda call=call: call.player is not None)
        elif name == "wait":
            events(3, lambda: account.rung is not None)
            call = account.rung
        elif name == "sleep":
            events(float(value))
        elif name == "hold":
            call.setHold(pj.CallOpParam(True))
        elif name == "resume":
            again = pj.CallOpParam(True)
            again.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(again)
        elif name == "keys":
            call.dialDtmf(value)
        elif name == "refer":
            call.xfer(value, pj.CallOpParam(True))
        elif name == "hangup":
            call.hangup(pj.CallOpParam(True))
            events(0.3)
    if call is not None:
        call.player = None
    call = account.rung = None
    account.shutdown()
    end.libDestroy()


main(*sys.argv[1:])
