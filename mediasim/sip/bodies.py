"""What a message's body holds, whole or as a part of several (RFC 3261 section 7.4, RFC 5621)."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import Final

from mediasim.sip.messages import Request, Response, respond

__all__ = ["SDP", "UnsupportedBody", "accepts_sdp", "description_in", "refuse_body", "text_of"]

SDP: Final = "application/sdp"
_MOST_PARTS: Final = 32
_HEADERS: Final = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding")


class UnsupportedBody(ValueError):
    """A body without anything in it that is understood, which is answered 415; says why."""


def description_in(message: Request | Response) -> str:
    """The session description of a message; nothing where it has no body.

    Raises UnsupportedBody.
    """
    return text_of(message, SDP) or ""


def text_of(message: Request | Response, *kinds: str, default: str = SDP) -> str | None:
    """The first body, or part of a body, of one of these types; None where there is none at all.

    ``default`` is the type of a body that names none. Raises UnsupportedBody for a body that is
    compressed, or has no such part, or has another one that must be understood.
    """
    if not message.body:
        return None
    encoding = (message.get_header("content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedBody(f"expected a body that is not encoded, found {encoding[:40]}")
    parts = list(_parts(message, default))
    found: str | None = None
    for part in parts:
        if found is None and part.get_content_type() in kinds:
            payload = part.get_payload(decode=True)
            found = payload.decode(errors="replace") if isinstance(payload, bytes) else ""
        elif part.get_content_type() not in kinds and _handling(part) == "required":
            raise UnsupportedBody(f"{part.get_content_type()} is not understood")
    if found is None and not all(_handling(part) == "optional" for part in parts):
        raise UnsupportedBody(f"expected {' or '.join(kinds)}, found none")
    return found


def _parts(message: Request | Response, default: str) -> Iterator[Message]:
    """The body's parts, those of parts too; a single body is one part."""
    head = [f"{name}: {value}" for name in _HEADERS if (value := message.get_header(name))]
    if not message.get_header("content-type"):
        head.append(f"Content-Type: {default}")
    whole = BytesParser().parsebytes("\r\n".join(head).encode() + b"\r\n\r\n" + message.body)
    leaves = (part for part in whole.walk() if not part.is_multipart())
    for _, part in zip(range(_MOST_PARTS), leaves, strict=False):
        yield part


def _handling(part: Message) -> str:
    return str(part.get_param("handling", "", "content-disposition")).lower()


def accepts_sdp(request: Request) -> bool:
    """Whether it takes a session description as an answer (RFC 3261 section 20.1)."""
    ranges = request.headers.get("accept")
    taken = {each.partition(";")[0].strip().lower() for each in ranges}
    return not ranges or bool(taken & {SDP, "application/*", "*/*"})


def refuse_body(request: Request, tag: str = "", accepted: str = SDP) -> Response:
    """The answer 415, with what would be understood."""
    headers = [("Accept", accepted), ("Accept-Encoding", "identity")]
    return respond(request, 415, tag=tag, headers=headers)
