"""The parser of TwiML documents.

What Twilio ignores (an unknown element or attribute, a wrong value) becomes a warning and is left
out; what this sandbox does not act on, and what says nothing without something else, becomes a note
of its verb; a document that it cannot read is a :class:`TwimlError`. The XML is not trusted: no
document type, so no entities and nothing fetched; limits of size, depth and warnings. Sources:
https://www.twilio.com/docs/voice/twiml and the pages of errors 11750, 12100, 12200, 12300; the
texts of the warnings are those of Twilio's schema validator and of its error dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from email.message import Message
from typing import Final
from xml.parsers import expat

from mediasim.twilio.error_dictionary import titled
from mediasim.twilio.twiml.codes import SCHEMA, attribute_code, nested_code
from mediasim.twilio.twiml.dependence import needed
from mediasim.twilio.twiml.document import Document, TwimlError, Verb, Warning
from mediasim.twilio.twiml.grammar import ELEMENTS, MESSAGING, ROOT, Element, element
from mediasim.twilio.twiml.values import Noted

__all__ = ["MOST_BYTES", "parse_messaging_twiml", "parse_twiml"]

MOST_BYTES: Final = 64 * 1024
"""Most bytes of a document; a larger one is refused (error 11750)."""
_MOST_DEPTH: Final = 64
_MOST_WARNINGS: Final = 100
_TOO_LARGE: Final = 11750
_UNREADABLE: Final = 12100
_CONTENT_TYPE: Final = 12300
_XML: Final = ("text/xml", "application/xml", "text/html")
_CHARSETS: Final = ("utf-8", "utf-16", "iso-8859-1", "us-ascii")
"""Charsets that expat knows; with any other the document's own declaration counts."""


def parse_twiml(body: bytes, content_type: str | None, *, url: str = "") -> Document:
    """Parse the response of an app as TwiML.

    ``content_type`` is the response's header: plain text is said, audio is played from ``url``,
    where it was fetched. Raises :class:`TwimlError`, and nothing else whatever the bytes are.
    """
    kind, charset = _content_type(content_type)
    if kind.startswith("audio/"):
        return Document((Verb("Play", text=url),))
    _check_readable(body, kind, "text/plain is said, audio is played")
    if kind == "text/plain":
        return Document((Verb("Say", text=" ".join(_decoded(body, charset).split())),))
    return _Reader(charset, ELEMENTS).read(body)


def parse_messaging_twiml(body: bytes, content_type: str | None) -> Document:
    """Parse the response of an app to a message as TwiML.

    ``content_type`` is the response's header: plain text is the answer itself, and an empty body
    says nothing. Raises :class:`TwimlError`, and nothing else whatever the bytes are.
    """
    kind, charset = _content_type(content_type)
    if not body.strip():
        return Document(())
    _check_readable(body, kind, "text/plain is the answer")
    if kind == "text/plain":
        return Document((Verb("Message", text=_decoded(body, charset).strip()),))
    return _Reader(charset, MESSAGING).read(body)


def _check_readable(body: bytes, kind: str, otherwise: str) -> None:
    """Check type and size of a response. Raises TwimlError."""
    if kind not in _XML and kind != "text/plain":
        named = f"'{kind}'" if kind else "none"
        raise TwimlError(
            _CONTENT_TYPE,
            f"Invalid Content-Type: {named}; TwiML is text/xml or application/xml, {otherwise}",
        )
    if len(body) > MOST_BYTES:
        raise TwimlError(
            _TOO_LARGE,
            f"TwiML response body too large: {len(body)} bytes, at most {MOST_BYTES} are read",
        )


def _content_type(header: str | None) -> tuple[str, str | None]:
    """Return the type and the charset of a Content-Type header, both in lower case."""
    kind, _, parameters = (header or "").partition(";")
    message = Message()
    message["content-type"] = f"text/plain;{parameters}".replace("\r", " ").replace("\n", " ")
    return kind.strip().lower(), message.get_content_charset()


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


@dataclass(slots=True)
class _Open:
    """An element whose end tag was not read yet."""

    name: str
    row: Element
    line: int
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)
    children: list[Verb] = field(default_factory=list)
    content: list[str | Verb] = field(default_factory=list)
    """Text and spoken elements in their order."""


class _Reader:
    def __init__(self, charset: str | None, elements: Mapping[str, Element]) -> None:
        self._elements = elements
        self._parser = expat.ParserCreate(charset if charset in _CHARSETS else None)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[_Open] = []
        self._left_out = 0
        """Number of open elements that are left out."""
        self._verbs: tuple[Verb, ...] = ()
        self._warnings: list[Warning] = []
        self._notes: dict[str, Warning] = {}
        """Notes about the verb that is being read, by their words: each is there once."""

    def read(self, body: bytes) -> Document:
        try:
            self._parser.Parse(body, True)
        except expat.ExpatError as error:
            raise _unreadable(expat.ErrorString(error.code), error.lineno) from None
        except (LookupError, ValueError) as error:
            # An encoding that is unknown, or has more than a byte a character.
            raise _unreadable(str(error), self._line) from None
        return Document(self._verbs, tuple(self._warnings))

    # -- handlers of expat ----------------------------------------------------------------------

    def _start(self, name: str, written: dict[str, str]) -> None:
        # Elements that are left out count too, or their depth would have no limit.
        if len(self._open) + self._left_out >= _MOST_DEPTH:
            raise _unreadable(f"elements nested more than {_MOST_DEPTH} deep", self._line)
        row = self._row(name) if not self._left_out else None
        if row is None:
            self._left_out += 1
            return
        if row.noted and not row.spoken:
            self._note(f"<{name}> is not acted on by this sandbox: {row.noted}")
        self._open.append(_Open(name, row, self._line, self._attributes(name, row, written)))

    def _end(self, name: str) -> None:
        if self._left_out:
            self._left_out -= 1
            return
        done = self._open.pop()
        if not self._open:
            self._verbs = tuple(done.children)
            return
        around, verb = self._open[-1], _verb(done)
        if len(self._open) == 1:
            verb = replace(verb, notes=tuple(self._notes.values()))
            self._notes.clear()
        around.children.append(verb)
        if done.row.spoken:
            around.texts.append(_spoken(verb))
            around.content.append(verb)

    def _text(self, text: str) -> None:
        if self._left_out or not self._open:
            return
        inside = self._open[-1]
        if inside.row.text:
            inside.texts.append(text)
            inside.content.append(text)
        elif text.strip():
            self._warn(
                "cvc-complex-type.2.3: "
                f"Element '{inside.name}' must have no character [children]: its text is ignored"
            )

    def _doctype(self, *_: object) -> None:
        raise _unreadable("a document type declaration is not allowed in TwiML", self._line)

    # -- checks against the grammar -------------------------------------------------------------

    def _row(self, name: str) -> Element | None:
        """Return the row of an element here; None, after a warning, if it is left out."""
        around = self._open[-1] if self._open else None
        row = element(name, around.name if around else None, self._elements)
        if row is None and around is None:
            raise _unreadable(
                f"the root element is '{_short(name)}', where TwiML has <{ROOT}>", self._line
            )
        if row is None and around is not None:
            expected = around.row.children
            self._warn(
                "cvc-complex-type.2.4.a: Invalid content was found starting with element "
                f"'{_short(name)}' in '{around.name}'. "
                + (f"One of '{{{', '.join(expected)}}}' is expected" if expected else "None is"),
                name,
                expected,
                code=nested_code(around.name),
            )
        elif row is not None and not row.supported:
            self._warn(f"<{name}> is not carried out by this sandbox: it is passed over")
            return None
        return row

    def _attributes(self, name: str, row: Element, written: dict[str, str]) -> dict[str, str]:
        """Return the known attributes with valid values, in their normal form."""
        valid: dict[str, str] = {}
        for attribute, value in written.items():
            if attribute.startswith(("xmlns", "xsi:")):
                continue
            kind = row.attributes.get(attribute)
            if kind is None:
                self._warn(
                    f"cvc-complex-type.3.2.2: Attribute '{_short(attribute)}' is not allowed "
                    f"to appear in element '{name}'",
                    attribute,
                    row.attributes,
                )
                continue
            read = kind.read(value)
            if read is None:
                code = attribute_code(name, attribute, self._open[-1].name if self._open else None)
                self._warn(
                    f"cvc-attribute.3: The value '{_short(value)}' of attribute '{attribute}' on "
                    f"element '{name}' is not valid: {kind.wanted} is; the default is taken",
                    code=code,
                )
                continue
            if isinstance(kind, Noted) and read != kind.but and not row.spoken:
                self._note(
                    f"Attribute '{attribute}' of <{name}> is not acted on by this sandbox: "
                    f"{kind.why}"
                )
            valid[attribute] = read
        for attribute in valid:
            other = needed(name, attribute, row.attributes)
            if other is not None and other not in valid:
                self._note(f"Attribute '{attribute}' of <{name}> says nothing without '{other}'")
        return valid

    def _warn(
        self, message: str, written: str = "", known: Iterable[str] = (), *, code: int = SCHEMA
    ) -> None:
        """Add a warning, with the known name that is similar to the one written, if any."""
        if len(self._warnings) < _MOST_WARNINGS:
            close = get_close_matches(written[:60], list(known), 1)
            hint = f"; is it '{close[0]}' that is meant?" if close else ""
            words = message + hint if code == SCHEMA else titled(code, message + hint)
            self._warnings.append(Warning(code, words, self._line))

    def _note(self, message: str) -> None:
        self._notes.setdefault(message, Warning(SCHEMA, message, self._line))

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber


def _verb(done: _Open) -> Verb:
    text = "".join(done.texts).strip()
    if done.row.spoken or done.name == "Say":
        text = " ".join(text.split())
    marked_up = done.row.spoken or any(isinstance(part, Verb) for part in done.content)
    content = tuple(done.content) if marked_up else ()
    return Verb(done.name, done.attributes, text, tuple(done.children), done.line, content)


def _spoken(verb: Verb) -> str:
    """Return the text that an SSML element adds to the text around it."""
    if verb.name == "sub":
        return verb.attribute("alias", verb.text)
    # These separate words; the others may be inside one.
    return f" {verb.text} " if verb.name in ("break", "p", "s") else verb.text


def _unreadable(reason: str, line: int) -> TwimlError:
    return TwimlError(_UNREADABLE, f"Document parse failure: {reason}, line {line}", line)


def _short(text: str) -> str:
    """Shorten a text of the app for a message."""
    return text if len(text) <= 60 else text[:57] + "..."
