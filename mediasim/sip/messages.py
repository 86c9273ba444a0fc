"""Parses SIP messages and writes responses (RFC 3261 section 7).

The classes of messages, values and dialogs are aiosipua's. Its parser is not used because it
misreads malformed messages and refuses unusual ones (RFC 4475); its transactions take a repeated
INVITE for a new call, retransmit no request, and write every Via as UDP.
"""

from __future__ import annotations

import logging
import re
import secrets  # noqa: TID251 - nobody is to guess a tag or a nonce
from collections.abc import Collection, Iterable
from typing import Final

from aiosipua import (
    Address,
    CSeq,
    Dialog,
    SipMessage,
    SipRequest,
    SipResponse,
    SipUri,
    parse_auth,
    stringify_uri,
)
from aiosipua.headers import MULTI_INSTANCE_HEADERS, expand_compact_header, stringify_via

from mediasim.sip.grammar import (
    is_token,
    read_address,
    read_uri,
    read_via,
    split_list,
    uri_in,
)

__all__ = [
    "Address",
    "BadSipMessage",
    "Dialog",
    "Request",
    "Response",
    "SipUri",
    "auth_params",
    "caller_of",
    "check_in_dialog",
    "contacts_of",
    "cseq_of",
    "dialog_of",
    "is_of_rfc_2543",
    "new_tag",
    "own_headers",
    "parse",
    "reason_of",
    "respond",
    "tag_of",
    "uri_text",
]

Request = SipRequest
Response = SipResponse
uri_text = stringify_uri

logging.getLogger("aiosipua").addHandler(logging.NullHandler())  # errors are answered instead

_REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
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
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    603: "Decline",
}
_REQUEST_LINE: Final = re.compile(r"\s*(\S+)\s+(.*\S)\s+(SIP/[0-9]+\.[0-9]+)\s*", re.IGNORECASE)
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE | re.DOTALL)
_VERSION: Final = "SIP/2.0"
_SEQUENCE: Final = re.compile(r"([0-9]{1,12})\s+(\S+)")
_TAG: Final = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_COOKIE: Final = "z9hG4bK"
"""Prefix of the branches of RFC 3261 (section 8.1.1.7)."""
_MANDATORY: Final = ("via", "from", "to", "call-id", "cseq")
_SINGLE: Final = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
_MOST_HOPS: Final = 255
_MOST_HEADERS: Final = 256
_MOST_SEQUENCE: Final = 2**31


class BadSipMessage(ValueError):
    """Raised for a malformed message; ``request`` is set if it can be answered with ``status``."""

    def __init__(self, words: str, request: Request | None = None, status: int = 400) -> None:
        super().__init__(words)
        self.request = request
        self.status = status


class _Malformed(ValueError):
    """Raised for a malformed message, with the status of the response."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


def parse(data: bytes, known: Collection[str] = ()) -> Request | Response:
    """Parse one message. Raises BadSipMessage.

    ``known`` are the supported methods: a request of another one whose CSeq header does not fit is
    refused as unknown (501) instead of malformed.
    """
    head, body = _split(data)
    start, *lines = head
    line = _REQUEST_LINE.fullmatch(start)
    if start[:4].upper() == "SIP/":
        message: Request | Response = _parse_status_line(start)
    elif line is not None:
        message = Request(method=line[1], uri=line[2])
    else:
        raise BadSipMessage(f"not a SIP message: {start[:60]!r}")
    message.body = body
    try:
        _parse_headers(message, lines)
        if isinstance(message, Request):
            assert line is not None
            if line[3].upper() != _VERSION:
                raise _Malformed(f"expected {_VERSION}, found {line[3]}", 505)
            _check_request_line(start, message)
        _check(message)
        if isinstance(message, Request):
            _check_request(message, known)
    except ValueError as error:
        status = error.status if isinstance(error, _Malformed) else 400
        answers = isinstance(message, Request) and message.headers.get("via")
        request = message if answers and isinstance(message, Request) else None
        raise BadSipMessage(str(error), request, status) from None
    return message


def _split(data: bytes) -> tuple[list[str], bytes]:
    """Split a message into its head's lines, with folded ones joined, and its body."""
    for empty in (b"\r\n\r\n", b"\n\n"):
        head, found, body = data.partition(empty)
        if found:
            break
    lines: list[str] = []
    for line in head.decode("utf-8", errors="replace").split("\n"):
        text = line.removesuffix("\r").replace("\r", " ")
        if text[:1] in (" ", "\t") and len(lines) > 1:
            lines[-1] += " " + text.strip()
        else:
            lines.append(text)
    return lines, body


def _parse_status_line(line: str) -> Response:
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise BadSipMessage(f"not a SIP status line: {line[:60]!r}")
    return Response(status_code=int(found[1]), reason_phrase=found[2] or "")


def _parse_headers(message: SipMessage, lines: list[str]) -> None:
    """Parse the headers into ``message``.

    Raises ValueError only after all valid ones are parsed, because a response needs them.
    """
    error: ValueError | None = None
    if len(lines) > _MOST_HEADERS:
        raise _Malformed(f"expected at most {_MOST_HEADERS} headers, found {len(lines)}")
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = expand_compact_header(name.strip()), value.strip()
        if not line.strip():
            continue
        if not colon or not is_token(name):
            error = _Malformed(f"a line that is no header: {line[:60]!r}")
            continue
        try:
            many = name.lower() in MULTI_INSTANCE_HEADERS
            values = split_list(value) if many and value else [value]
        except ValueError as problem:
            values, error = [value], problem
        for each in values:
            message.headers.append(name, each)
    if error is not None:
        raise error


def _check_request_line(line: str, request: Request) -> None:
    if line.split(" ") != [request.method, request.uri, line.rpartition(" ")[2]]:
        raise _Malformed("the request line is not METHOD URI SIP/2.0 with one space between them")
    if not is_token(request.method):
        raise _Malformed("the method is no token")
    if read_uri(request.uri).headers:
        raise _Malformed("a request is not sent to a URI with headers in it")


def _check(message: SipMessage) -> None:
    """Check what requests and responses have in common. Raises ValueError."""
    for name in _MANDATORY:
        if not message.get_header(name):
            raise _Malformed(f"no {name} header")
    for name in _SINGLE:
        if len(message.headers.get(name)) > 1:
            raise _Malformed(f"more than one {name} header")
    vias = [read_via(value) for value in message.headers.get("via")]
    # Only the topmost Via is the sender's; the others are between proxies.
    if any(via.protocol.upper() != _VERSION for via in vias[:1]):
        raise _Malformed(f"expected {_VERSION} in the Via header, found {vias[0].protocol}", 505)
    message.headers.remove("via")
    for via in vias:
        message.headers.append("Via", stringify_via(via))  # normalised, without optional spaces
    sequence = _SEQUENCE.fullmatch(message.get_header("cseq") or "")
    if sequence is None or int(sequence[1]) >= _MOST_SEQUENCE:
        raise _Malformed(f"the CSeq header is not a number below {_MOST_SEQUENCE} and a method")
    for name in ("from", "to"):
        read_address(message.get_header(name) or "")
    declared = message.get_header("content-length")
    if declared is not None:
        if not (declared.isascii() and declared.isdecimal()):
            raise _Malformed("Content-Length is no number")
        if int(declared[:12]) > len(message.body):
            raise _Malformed("the body is not as long as Content-Length says")
        message.body = message.body[
            : int(declared[:12])
        ]  # what follows is dropped (RFC 3261 section 18.3)


def _check_request(request: Request, known: Collection[str]) -> None:
    """Check what is specific to requests. Raises ValueError."""
    if cseq_of(request).method != request.method:
        status = 400 if not known or request.method in known else 501
        raise _Malformed("the CSeq header names another method", status)
    if not tag_of(request, "from") and not is_of_rfc_2543(request):
        raise _Malformed("the From header has no tag")
    hops = request.get_header("max-forwards")
    if hops is not None and not (hops.isdecimal() and int(hops[:9]) <= _MOST_HOPS):
        raise _Malformed(f"Max-Forwards is no number up to {_MOST_HOPS}")
    for value in request.headers.get("contact"):
        if value != "*":
            read_address(value)


def is_of_rfc_2543(request: Request) -> bool:
    """Return whether a request follows RFC 2543, which had neither tags nor unique branches."""
    return not (request.via[0].branch or "").startswith(_COOKIE)


def respond(
    request: Request,
    status: int,
    reason: str = "",
    *,
    tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: str = "",
) -> Response:
    """Create a response (RFC 3261 section 8.2.6); ``tag`` is added to To if that has none."""
    response = Response(status_code=status, reason_phrase=reason or _REASONS.get(status, ""))
    for via in request.headers.get("via"):
        response.headers.append("Via", via)
    for route in request.headers.get("record-route"):
        response.headers.append("Record-Route", route)
    to = request.get_header("to") or ""
    if tag and not _TAG.search(to):
        to += f";tag={tag}"
    response.headers.set_single("From", request.get_header("from") or "")
    response.headers.set_single("To", to)
    response.headers.set_single("Call-ID", request.call_id or "")
    response.headers.set_single("CSeq", request.get_header("cseq") or "")
    for name, value in headers:
        response.headers.append(name, value)
    if body:
        response.headers.set_single("Content-Type", "application/sdp")
        response.text = body
    return response


def cseq_of(message: Request | Response) -> CSeq:
    """Return the CSeq header, which every parsed or created message has."""
    sequence = message.cseq
    assert sequence is not None
    return sequence


def tag_of(message: Request | Response, name: str) -> str:
    """Return the tag of a From or To header; empty if it has none."""
    return read_address(message.get_header(name) or "").tag or ""


def caller_of(request: Request) -> Address:
    """Return the address in the From header."""
    return read_address(request.get_header("from") or "")


def contacts_of(message: Request | Response) -> list[SipUri]:
    """Return the SIP URIs of the Contact headers. Raises ValueError for a malformed one."""
    found = (read_address(value).uri for value in message.headers.get("contact") if value != "*")
    return [uri for uri in found if uri.scheme in ("sip", "sips")]


def own_headers(message: Request | Response) -> dict[str, str]:
    """Return the private headers, whose names begin with X-, with their first values."""
    found = message.headers.items()
    return {name: values[0] for name, values in found if name.lower().startswith("x-") and values}


def auth_params(text: str) -> dict[str, str] | None:
    """Return the parameters of a Digest challenge or credentials; None for another scheme.

    Names are in lower case.
    """
    found = parse_auth(text, credentials=True)
    if found.scheme.lower() != "digest":
        return None
    return {name.lower(): value for name, value in found.params.items()}


def dialog_of(request: Request, tag: str) -> Dialog:
    """Create the dialog that a received INVITE opens (RFC 3261 section 12.1.1)."""
    contacts = contacts_of(request)
    caller = uri_in(request.get_header("from") or "")
    return Dialog(
        call_id=request.call_id or "",
        local_tag=tag,
        remote_tag=tag_of(request, "from"),
        local_uri=uri_in(request.get_header("to") or ""),
        remote_uri=caller,
        remote_target=uri_text(contacts[0]) if contacts else caller,
        route_set=list(request.headers.get("record-route")),
        remote_cseq=cseq_of(request).seq,
    )


def check_in_dialog(dialog: Dialog, request: Request) -> int | None:
    """Check a request against its dialog; returns the status to refuse it with, or None.

    Its CSeq number must be higher than any before (RFC 3261 section 12.2.2).
    """
    sequence = cseq_of(request).seq
    if (tag_of(request, "to"), tag_of(request, "from")) != (dialog.local_tag, dialog.remote_tag):
        return 481
    if sequence <= dialog.remote_cseq:
        return 500
    dialog.remote_cseq = sequence
    return None


def reason_of(status: int) -> str:
    """Return the usual reason phrase of a status; empty for one that is not known."""
    return _REASONS.get(status, "")


def new_tag() -> str:
    return secrets.token_hex(6)
