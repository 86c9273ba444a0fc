"""X-Twilio-Signature: how an app knows that a request comes from its own account.

The text signed is the URL as it was requested, followed by each form parameter's name and
value, names in order; a body that is not a form is named in the URL by its SHA-256 instead.
Rule and order: https://www.twilio.com/docs/usage/security, judged by the SDK's own validator,
which signs each value of a repeated parameter once, in order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

__all__ = ["body_signed_url", "signature"]


def signature(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The header's value for a request.

    ``url`` is complete, with port and query; ``params`` are the form's, none for a GET request
    or a body that is no form.
    """
    text = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def body_signed_url(url: str, body: bytes) -> str:
    """The URL to request and to sign when the body is no form (JSON): it names the body's hash."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
