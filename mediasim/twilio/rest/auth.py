"""Who asks: HTTP basic authentication with the account's token, or with an API key and its secret.

Whatever is wrong with the credentials is answered with 401 and code 20003, also when they are not
those of the account in the path. What manages the account itself is not for API keys. Source:
Twilio's pages of error 20003 and of API keys; the messages are those that its API gives.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.service import Service

__all__ = ["CHALLENGE", "authenticate"]

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
"""Headers of an answer that asks for credentials."""
_DENIED: Final = 20003


def authenticate(
    service: Service, authorization: str | None, *, account_sid: str, main_only: bool
) -> None:
    """Pass for whom may ask. Raises TwilioError (401, 20003).

    ``authorization`` is the header, ``account_sid`` that of the path; ``main_only``: no API keys.
    """
    if not authorization:
        raise _denied("Authentication Error - No credentials provided")
    name, secret = _credentials(authorization)
    if name == service.account.sid:
        known = service.account.auth_token
    else:
        found = next((key for key in service.keys.all() if key.sid == name), None)
        if found is None:
            raise _denied("Authenticate")
        known = found.secret
    if not hmac.compare_digest(secret.encode(), known.encode()):
        raise _denied("Authenticate")
    if account_sid != service.account.sid:
        raise _denied("Authenticate")
    if main_only and name != account_sid:
        raise _denied("Authenticate: this resource needs the account's own credentials")


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _denied("Authentication Error - only Basic authentication is accepted")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _denied("Authenticate") from None
    name, _, secret = text.partition(":")
    return name, secret


def _denied(message: str) -> TwilioError:
    return TwilioError(401, _DENIED, message)
