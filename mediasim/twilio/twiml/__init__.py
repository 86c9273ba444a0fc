"""TwiML: the documents of an app that control calls and answer messages."""

from mediasim.twilio.twiml.codes import SCHEMA
from mediasim.twilio.twiml.document import Document, TwimlError, Verb, Warning
from mediasim.twilio.twiml.parser import parse_messaging_twiml, parse_twiml
from mediasim.twilio.twiml.payments import PAY, PROMPT
from mediasim.twilio.twiml.values import Value

__all__ = [
    "PAY",
    "PROMPT",
    "SCHEMA",
    "Document",
    "TwimlError",
    "Value",
    "Verb",
    "Warning",
    "codes",
    "grammar",
    "parse_messaging_twiml",
    "parse_twiml",
    "values",
]
