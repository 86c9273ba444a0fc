"""SIPREC: the tracks of a call are forked to a recording server elsewhere, by TwiML or REST."""

from mediasim.twilio.siprec.manager import SiprecManager, SiprecRecord

__all__ = ["SiprecManager", "SiprecRecord"]
