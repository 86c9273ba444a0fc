"""ConversationRelay: a call's words to an app over a WebSocket, and the app's words spoken to it.

The handshake, the socket and the playback are those of media streams
(:mod:`mediasim.twilio.streams`); what is heard is a recogniser's (:mod:`mediasim.recogniser`). By
module: ``attributes`` (what TwiML may say), ``messages`` (both ways), ``speech`` (what is played,
and how much of it was heard), ``session`` (one relay) and ``manager`` (all of an account).
"""

__all__ = ["attributes", "manager", "records", "session"]
