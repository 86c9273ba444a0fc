"""Parameters of outgoing calls alone: of Calls and of Participants."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.machine_detection import machine_settings
from mediasim.twilio.requests import DETECTION_MODES, DETECTION_TIMES, MachineDetection
from mediasim.twilio.rest.params import Params

__all__ = [
    "DETECTION_OPTIONS",
    "NOTED_OF_CALLS",
    "SIP_USER",
    "machine_detection",
    "sip_user",
]

_BAD_DETECTION: Final = 21234
DETECTION_OPTIONS: Final = (
    "MachineDetection",
    *(f"MachineDetection{name}" for name in DETECTION_TIMES),
)
"""Names of the parameters that :func:`machine_detection` reads, besides its callback."""
SIP_USER: Final = ("SipAuthUsername", "SipAuthPassword")
"""Names of the parameters that :func:`sip_user` reads."""
NOTED_OF_CALLS: Final = {
    "CallerId": "the callee is shown From",
    "Byoc": "calls go to the number plan, through no trunk of your own",
    "CallReason": "no simulated telephone shows it",
    "CallToken": "no identity is signed on a simulated line",
    "ClientNotificationUrl": "a client is rung without a push notification",
}
"""Twilio's parameters that are not acted on, with the reason."""


def sip_user(form: Params) -> tuple[str, str] | None:
    """Return the user name and the password for a SIP telephone; None without a user name."""
    user = form.text("SipAuthUsername")
    return (user, form.text("SipAuthPassword") or "") if user else None


def machine_detection(
    form: Params, *, callback: str, asynchronous: str | None = None
) -> MachineDetection | None:
    """Return the answering machine detection that a request asks for; None for none.

    ``callback`` is the parameter that names where a verdict is sent, ``asynchronous`` the one that
    says whether the call goes on before it; None: it does.
    """
    mode = form.word("MachineDetection", DETECTION_MODES, code=_BAD_DETECTION)
    told = form.callback(callback)
    beside = asynchronous is None or form.flag(asynchronous) or False
    settings = machine_settings(
        mode or "",
        lambda name, *bounds: form.number(f"MachineDetection{name}", *bounds, code=_BAD_DETECTION),
    )
    if mode is not None:
        return MachineDetection(settings, beside, told)
    form.in_vain(*DETECTION_OPTIONS, callback, f"{callback}Method", asynchronous or "")
    return None
