"""Values of config files that several of their parts have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from mediasim.documents.values import Text
from mediasim.twilio.webhooks.address import WebhookUrl

__all__ = ["Url"]


def _url(text: str) -> str:
    try:
        WebhookUrl.parse(text)
    except ValueError as error:
        expected = "expected a URL such as http://127.0.0.1:5000/voice"
        raise ValueError(f"{expected}, found {text[:60]!r}: {error}") from None
    return text


Url = Annotated[Text, AfterValidator(_url)]
