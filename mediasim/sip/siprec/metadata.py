"""The metadata of a recording session (RFC 7865) and the body that it goes out in (RFC 7866).

The metadata is a complete snapshot: the recording session, its participants, the streams with the
labels of the session description, and which participant sends and receives which stream. The app's
own parameters have no place of their own in the RFC; they are an extension of the session element.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from mediasim.net.siprec_port import SiprecAsked
from mediasim.sip.media import SDP

__all__ = ["LABELS", "METADATA", "METADATA_NAMESPACE", "body_of", "metadata_of"]

METADATA: Final = "application/rs-metadata+xml"
"""Type of the metadata (RFC 9806, which corrects RFC 7866)."""
METADATA_NAMESPACE: Final = "urn:ietf:params:xml:ns:recording:1"
_EXTENSION: Final = "urn:mediasim:siprec:parameters"
LABELS: Final = {"inbound": "1", "outbound": "2"}
"""Labels of the tracks' streams (RFC 4574)."""
register_namespace("", METADATA_NAMESPACE)
register_namespace("ext", _EXTENSION)


def metadata_of(asked: SiprecAsked, addresses: Mapping[str, str]) -> str:
    """Return the XML of a session; ``addresses`` are the SIP URIs of the participants by track."""
    began = datetime.fromtimestamp(asked.began_unix_ns / 1e9, UTC)
    date = began.isoformat(timespec="seconds").replace("+00:00", "Z")
    session_id = _identifier(asked, "session")
    streams = {track: _identifier(asked, f"stream/{track}") for track in asked.tracks}
    tracks = [each.track for each in asked.participants]
    people = {track: _identifier(asked, f"participant/{track}") for track in tracks}
    root = Element(_name("recording"))
    _add(root, "datamode", "complete")
    session = _add(root, "session", session_id=session_id)
    _add(session, "start-time", date)
    if asked.parameters:
        own = SubElement(session, f"{{{_EXTENSION}}}ExtensionParameters")
        for name, value in asked.parameters.items():
            SubElement(own, f"{{{_EXTENSION}}}Parameter", name=name, value=value)
    for each in asked.participants:
        person = _add(root, "participant", participant_id=people[each.track])
        named = _add(person, "nameID", aor=addresses[each.track])
        shown = _add(named, "name", each.address)
        shown.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    for track, stream_id in streams.items():
        stream = _add(root, "stream", stream_id=stream_id, session_id=session_id)
        _add(stream, "label", LABELS[track])
    recorded = _add(root, "sessionrecordingassoc", session_id=session_id)
    _add(recorded, "associate-time", date)
    for person_id in people.values():
        joined = _add(
            root, "participantsessionassoc", participant_id=person_id, session_id=session_id
        )
        _add(joined, "associate-time", date)
    for track, person_id in people.items():
        linked = _add(root, "participantstreamassoc", participant_id=person_id)
        for stream_track, stream_id in streams.items():
            _add(linked, "send" if stream_track == track else "recv", stream_id)
        _add(linked, "associate-time", date)
    return tostring(root, encoding="unicode", xml_declaration=False)


def body_of(boundary: str, description: str, metadata: str) -> tuple[str, str]:
    """Return the type and the text of a body of a session description and metadata."""
    parts = (
        f"Content-Type: {SDP}\r\n\r\n{description}",
        f"Content-Type: {METADATA}\r\nContent-Disposition: recording-session\r\n\r\n"
        f'<?xml version="1.0" encoding="UTF-8"?>\r\n{metadata}\r\n',
    )
    text = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return f"multipart/mixed;boundary={boundary}", text


def _identifier(asked: SiprecAsked, what: str) -> str:
    """Return a UUID in base64 (RFC 7865 section 6.11), always the same for one session."""
    digest = blake2b(f"{asked.sid}/{what}".encode(), digest_size=16).digest()
    return base64.b64encode(digest).decode()


def _name(name: str) -> str:
    return f"{{{METADATA_NAMESPACE}}}{name}"


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    made = SubElement(parent, _name(name), attributes)
    if text:
        made.text = text
    return made
