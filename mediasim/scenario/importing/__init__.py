"""Recordings made of captured calls.

``captured_call`` reads a capture and finds the call in it; ``formats`` says what its streams are
coded in; ``replay`` plays them to an exchange that records; ``report`` tells of all that.
"""

__all__ = ["captured_call", "formats", "replay", "report"]
