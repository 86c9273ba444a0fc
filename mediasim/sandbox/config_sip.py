"""SIP telephones in a config file: where they are answered, and who may register."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import AfterValidator

from mediasim.documents.model import Model
from mediasim.documents.values import Text, UserName

__all__ = ["SipAddress", "SipConfig", "read_sip_address"]

_WRITTEN: Final = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?([0-9]{1,5})")
_HOST: Final = "127.0.0.1"


class SipAddress(NamedTuple):
    """A host and its port, for UDP and TCP."""

    host: str
    port: int


def read_sip_address(text: str) -> SipAddress:
    """``5060`` is this machine alone, ``192.168.1.5:5060`` an address. Raises ValueError."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None or int(found[2]) > 65_535:
        raise ValueError(f"expected PORT or HOST:PORT, such as 5060, found {text[:60]!r}")
    return SipAddress((found[1] or _HOST).strip("[]"), int(found[2]))


def _checked(text: str) -> str:
    read_sip_address(text)
    return text


class SipConfig(Model):
    """SIP telephones. A bare text is where they are answered."""

    stands_for: ClassVar[str] = "listen"

    listen: Annotated[Text, AfterValidator(_checked)] | None = None
    """The port, or HOST:PORT, where they are answered; absent: nowhere, unless --sip says so."""
    users: Mapping[UserName, Text] = {}
    """Who may register, each with a password; sip:NAME@... then rings there."""

    @property
    def address(self) -> SipAddress | None:
        return None if self.listen is None else read_sip_address(self.listen)
