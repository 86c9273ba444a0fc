"""What can go wrong with a stream: codes of Twilio's error dictionary, and their names there."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BROKEN",
    "CLOSED",
    "HANDSHAKE",
    "INVALID_MESSAGE",
    "MALFORMED_MESSAGE",
    "MALFORMED_URL",
    "NAMES",
    "OVERFLOW",
    "PROTOCOL",
    "REFUSED",
    "SCHEME",
    "TIMEOUT",
]

TIMEOUT: Final = 31901
REFUSED: Final = 31902
BROKEN: Final = 31903
HANDSHAKE: Final = 31920
CLOSED: Final = 31921
SCHEME: Final = 31922
MALFORMED_URL: Final = 31923
PROTOCOL: Final = 31924
OVERFLOW: Final = 31930
"""A warning, as are the next two: each is given once for a stream."""
MALFORMED_MESSAGE: Final = 31950
INVALID_MESSAGE: Final = 31951

NAMES: Final = {
    TIMEOUT: "Stream - WebSocket - Connection Timeout",
    REFUSED: "Stream - WebSocket - Connection Refused",
    BROKEN: "Stream - WebSocket - Connection Broken Pipe",
    HANDSHAKE: "Stream - WebSocket - Handshake Error",
    CLOSED: "Stream - WebSocket - Close Error",
    SCHEME: "Stream - WebSocket - URL Schema Not Supported",
    MALFORMED_URL: "Stream - WebSocket - Malformed URL",
    PROTOCOL: "Stream - WebSocket - Protocol Error",
    OVERFLOW: "Stream - Media - Buffer Overflow",
    MALFORMED_MESSAGE: "Stream - Protocol - Malformed Message",
    INVALID_MESSAGE: "Stream - Protocol - Invalid Message",
}
