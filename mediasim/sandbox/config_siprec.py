"""The part of a config file that describes SIPREC connectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, WithJsonSchema

from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Text
from mediasim.net.siprec_port import SIMULATED, SiprecConnector

__all__ = ["SiprecConnectorSpec"]

_OF_THE_SESSION: Final = (
    *("via", "max-forwards", "route", "record-route", "from", "to", "call-id", "cseq", "contact"),
    *("allow", "accept", "require", "user-agent", "content-type", "content-length"),
)
"""Headers that the INVITE of a recording session has of its own."""


def _server(text: str) -> str:
    if text != SIMULATED and re.fullmatch(r"sip:[^\s<>\"]{1,255}", text) is None:
        example = "sip:recorder@127.0.0.1:5080"
        raise ValueError(f"expected a SIP URI such as {example}, or {SIMULATED}; found {text!r}")
    return text


def _header(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9-]{1,64}", text) is None:
        raise ValueError(f"expected the name of a header such as X-Auth-Token, found {text[:60]!r}")
    if text.lower() in _OF_THE_SESSION:
        raise ValueError(f"expected a header such as X-Auth-Token, found {text}, which SIP needs")
    return text


def _credentials(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected printable characters in one line")
    return text


class SiprecConnectorSpec(Model):
    """A SIPREC connector. A bare text is its server."""

    stands_for: ClassVar[str] = "server"

    server: Annotated[
        Text,
        AfterValidator(_server),
        WithJsonSchema({"type": "string", "pattern": rf"^(sip:\S+|{SIMULATED})$"}),
    ]
    """SIP URI of the session recording server; "simulated": one inside the sandbox, which
    works on any clock."""
    header: Annotated[Text, AfterValidator(_header)] | None = None
    """Name of the SIP header with the credentials."""
    credentials: Annotated[Text, AfterValidator(_credentials)] = ""
    """Value of that header."""

    def troubles(self) -> Iterator[Misfit]:
        if self.credentials and self.header is None:
            yield ("credentials",), "expected header too, the name of the SIP header they go in"

    @property
    def connector(self) -> SiprecConnector:
        """The connector as SIPREC sessions have it."""
        return SiprecConnector(self.server, self.header or "", self.credentials)
