"""Parameters of Twilio's that several operations have and none acts on, with the reason."""

from __future__ import annotations

from typing import Final

__all__ = ["NOTED_OF_CALLS"]

NOTED_OF_CALLS: Final = {
    "CallerId": "the callee is shown From",
    "Byoc": "calls go to the number plan, through no trunk of your own",
    "CallReason": "no simulated telephone shows it",
    "CallToken": "no identity is signed on a simulated line",
    "ClientNotificationUrl": "a client is rung without a push notification",
}
"""Parameters of outgoing calls."""
