"""Recordings made of captured calls.

``captured_call`` reads a capture and finds the call in it; ``formats`` finds how its streams are
coded; ``replay`` plays them to an exchange that records; ``report`` describes the results.
"""

__all__ = ["captured_call", "formats", "replay", "report"]
