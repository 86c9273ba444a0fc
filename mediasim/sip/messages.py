"""SIP messages (RFC 3261 section 7): read from what came, written as answers.

The one module that knows the SIP library. Of it we use messages, addresses and dialogs; its own
transactions take a repeated INVITE for a new call, repeat no request, and write every Via as UDP.
"""

from __future__ import annotations

import logging
import re
import secrets  # noqa: TID251 - nobody is to guess a tag or a nonce
from collections.abc import Iterable
from typing import Final

from aiosipua import (
    Address,
    Dialog,
    SipMessage,
    SipRequest,
    SipResponse,
    SipUri,
    Via,
    create_dialog_from_request,
    parse_address,
    parse_auth,
    parse_uri,
    stringify_uri,
)
from aiosipua.dialog import dialog_matches, remote_cseq_valid

__all__ = [
    "Address",
    "BadMessage",
    "Dialog",
    "Request",
    "Response",
    "SipUri",
    "Via",
    "auth_params",
    "dialog_of",
    "in_dialog",
    "new_tag",
    "own_headers",
    "parse",
    "read_address",
    "read_uri",
    "respond",
    "uri_text",
]

Request = SipRequest
Response = SipResponse

logging.getLogger("aiosipua").addHandler(logging.NullHandler())  # what is wrong is answered

_REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}
_TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,32}")
_SIP: Final = re.compile(r"\s*sips?:", re.IGNORECASE)
_MOST_SEQUENCE: Final = 2**31


class BadMessage(ValueError):
    """Not a SIP message; ``request`` is what can be answered 400 nevertheless."""

    def __init__(self, words: str, request: Request | None = None) -> None:
        super().__init__(words)
        self.request = request


def parse(data: bytes) -> Request | Response:
    """Read one message, with everything in it that an answer needs. Raises BadMessage."""
    try:
        message = SipMessage.parse(data)
    except (ValueError, IndexError) as error:
        raise BadMessage(f"not a SIP message: {error}") from None
    try:
        wrong = _what_is_wrong(message)
    except (ValueError, IndexError) as error:
        raise BadMessage(f"a header that makes no sense: {error}") from None
    if wrong is None:
        return message
    words, answerable = wrong
    request = message if isinstance(message, Request) and answerable else None
    raise BadMessage(words, request)


def _what_is_wrong(message: SipMessage) -> tuple[str, bool] | None:
    """What is wrong, and whether that can be said to who sent it."""
    for name in ("via", "from", "to", "call-id", "cseq"):
        if not message.get_header(name):
            return f"no {name} header", name not in ("via", "cseq")
    via, sequence = message.via[0], message.cseq
    if not via.host or via.protocol != "SIP/2.0":
        return "the Via header makes no sense", False
    if sequence is None or not 0 <= sequence.seq < _MOST_SEQUENCE:
        return "the CSeq header makes no sense", False
    if isinstance(message, Request):
        if not _TOKEN.fullmatch(message.method) or message.method != sequence.method:
            return "the CSeq header names another method", False
        if message.from_addr is None or not message.from_addr.tag:
            return "the From header has no tag", True
    declared = message.get_header("content-length")
    if declared is not None and not (declared.isdecimal() and int(declared) == len(message.body)):
        return "the body is not as long as Content-Length says", True
    return None


def respond(
    request: Request,
    status: int,
    reason: str = "",
    *,
    tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: str = "",
) -> Response:
    """An answer to a request (RFC 3261 section 8.2.6); ``tag`` is ours, where To has none yet."""
    answer = Response(status_code=status, reason_phrase=reason or _REASONS.get(status, ""))
    for via in request.headers.get("via"):
        answer.headers.append("Via", via)
    for route in request.headers.get("record-route"):
        answer.headers.append("Record-Route", route)
    to = request.get_header("to") or ""
    if tag and read_address(to).tag is None:
        to += f";tag={tag}"
    answer.headers.set_single("From", request.get_header("from") or "")
    answer.headers.set_single("To", to)
    answer.headers.set_single("Call-ID", request.call_id or "")
    answer.headers.set_single("CSeq", request.get_header("cseq") or "")
    for name, value in headers:
        answer.headers.append(name, value)
    if body:
        answer.headers.set_single("Content-Type", "application/sdp")
        answer.text = body
    return answer


def read_address(text: str) -> Address:
    """A ``From``, ``To`` or ``Contact`` value; another scheme's has no scheme here."""
    address = parse_address(text)
    if not _SIP.match(text.partition("<")[2] or text):
        address.uri.scheme = ""
    return address


def read_uri(text: str) -> SipUri:
    """A SIP URI; another scheme's has no scheme here."""
    uri = parse_uri(text)
    if not _SIP.match(text):
        uri.scheme = ""
    return uri


def uri_text(uri: SipUri) -> str:
    return stringify_uri(uri)


def own_headers(message: Request | Response) -> dict[str, str]:
    """Those that begin with X-, which programs make up for each other."""
    found = message.headers.items()
    return {name: values[0] for name, values in found if name.lower().startswith("x-") and values}


def auth_params(text: str) -> dict[str, str] | None:
    """The parameters of a Digest challenge or credentials, names in lower case; None for another
    scheme."""
    found = parse_auth(text, credentials=True)
    if found.scheme.lower() != "digest":
        return None
    return {name.lower(): value for name, value in found.params.items()}


def dialog_of(request: Request, tag: str) -> Dialog:
    """The dialog that an INVITE from elsewhere opens, with our tag (RFC 3261 section 12.1.1)."""
    return create_dialog_from_request(request, local_tag=tag)


def in_dialog(dialog: Dialog, request: Request) -> int | None:
    """What is wrong with a request of a dialog as a status, and None where nothing is."""
    if not dialog_matches(dialog, request):
        return 481
    return None if remote_cseq_valid(dialog, request) else 500


def new_tag() -> str:
    return secrets.token_hex(6)
