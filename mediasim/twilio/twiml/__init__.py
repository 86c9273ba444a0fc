"""TwiML: the documents of an app that control calls."""

from mediasim.twilio.twiml.document import Document, TwimlError, Verb, Warning
from mediasim.twilio.twiml.parser import parse_twiml

__all__ = ["Document", "TwimlError", "Verb", "Warning", "parse_twiml"]
