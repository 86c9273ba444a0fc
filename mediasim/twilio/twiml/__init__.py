"""TwiML: what an app's answer says a call should do."""

from mediasim.twilio.twiml.document import Document, TwimlError, Verb, Warning
from mediasim.twilio.twiml.parser import parse_twiml

__all__ = ["Document", "TwimlError", "Verb", "Warning", "parse_twiml"]
