"""Recordings made of captured calls.

``captured`` reads a capture; ``formats`` says what its streams are coded in; ``choice`` which two
are the call; ``replay`` plays them to an exchange that records; ``words`` tells of all that.
"""

__all__ = ["captured", "choice", "errors", "formats", "replay", "signalling", "words"]
