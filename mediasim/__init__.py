"""mediasim: a deterministic telephone exchange that records calls as Twilio does."""

__version__ = "0.1.0"
