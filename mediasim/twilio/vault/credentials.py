"""Credentials that a customer has given the account: public keys, and keys of AWS.

Sources: Twilio docs, "PublicKey resource", "AWS resource" of the Credentials API, and errors 70104
and 70106.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote

from mediasim.exchange.dates import Dates
from mediasim.twilio.representations import iso_dates_json
from mediasim.twilio.resources import Dated

__all__ = [
    "CREDENTIAL",
    "CredentialKind",
    "CredentialRecord",
    "read_aws_credentials",
    "read_public_key",
]

CREDENTIAL: Final = "credential"
"""Kind of the records in the database."""
CredentialKind = Literal["public-key", "aws"]

_ARMOUR: Final = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_KIND: Final = "PUBLIC KEY"
_LEAST_BITS: Final = 2048
_MAKE_ONE: Final = "openssl rsa -in private_key.pem -pubout makes it"
_AWS: Final = re.compile(r"(?P<id>[A-Z0-9]{20}):(?P<secret>[A-Za-z0-9/+=]{40})")


@dataclass(slots=True)
class CredentialRecord(Dated):
    """A credential of the customer's: Twilio's PublicKey resource, or AWS resource."""

    sid: str
    account_sid: str
    kind: CredentialKind
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    public_key: str = ""
    """A public key, as :func:`read_public_key` returns it."""
    access_key_id: str = ""
    """A key of AWS, which opens the customer's buckets."""
    secret_access_key: str = ""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the resource without its URL; what is secret is never shown."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": self.friendly_name,
            **iso_dates_json(self, dates),
        }


def read_public_key(text: str) -> str:
    """Return an RSA public key in its normal form, from X.509 PEM; its armour may be missing.

    Raises ValueError, saying what is expected instead.
    """
    # Not at the start of every sandbox: it takes its time to load.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_public_key,
    )

    kinds = {kind for _, kind in _ARMOUR.findall(text)}
    if any("PRIVATE" in kind for kind in kinds):
        raise ValueError(f"this is a private key, which only you may have: {_MAKE_ONE} public")
    if kinds - {_KIND}:
        found = sorted(kinds)[0]
        raise ValueError(f"expected BEGIN {_KIND}, found BEGIN {found}: {_MAKE_ONE}")
    plain = unquote(text) if "%" in text else text
    body = re.sub(r"\s", "", _ARMOUR.sub("", plain))
    try:
        key = load_der_public_key(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise ValueError(f"expected an RSA public key in X.509 PEM: {_MAKE_ONE}") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("expected an RSA key, found one of another algorithm")
    if key.key_size < _LEAST_BITS:
        words = f"expected an RSA key of {_LEAST_BITS} bits at least, found {key.key_size}"
        raise ValueError(words)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_aws_credentials(text: str) -> tuple[str, str]:
    """Return key ID and secret of ``<AWS_ACCESS_KEY_ID>:<AWS_SECRET_ACCESS_KEY>``.

    Raises ValueError, which does not repeat the secret.
    """
    found = _AWS.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            "expected <AWS_ACCESS_KEY_ID>:<AWS_SECRET_ACCESS_KEY>: 20 capital letters and digits,"
            " a colon, and 40 letters, digits, /, + and ="
        )
    return found["id"], found["secret"]
