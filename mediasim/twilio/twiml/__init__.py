"""TwiML: the documents of an app that control calls and answer messages."""

from mediasim.twilio.twiml.codes import SCHEMA
from mediasim.twilio.twiml.document import Document, TwimlError, Verb, Warning
from mediasim.twilio.twiml.parser import parse_messaging_twiml, parse_twiml
from mediasim.twilio.twiml.values import RING_TONES

__all__ = [
    "RING_TONES",
    "SCHEMA",
    "Document",
    "TwimlError",
    "Verb",
    "Warning",
    "parse_messaging_twiml",
    "parse_twiml",
]
