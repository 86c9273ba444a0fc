"""What the pytest plugin gives to tests: recordings with their truth, and a sandbox beside the app.

Tests get these by the fixtures ``mediasim`` and ``mediasim_sandbox``; the names here are for
annotations, and for users of other test runners.
"""

from typing import TYPE_CHECKING, Any

__all__ = [
    "CallRelay",
    "CallStream",
    "Conversation",
    "Mediasim",
    "MediasimSandbox",
    "Recording",
    "Simulated",
    "TextMessage",
]

if TYPE_CHECKING:
    from mediasim.testing.conversation import CallRelay, CallStream, Conversation
    from mediasim.testing.recording import Recording
    from mediasim.testing.sandbox import MediasimSandbox
    from mediasim.testing.simulator import Mediasim, Simulated
    from mediasim.testing.text_message import TextMessage

_HOME = {
    "CallRelay": "conversation",
    "CallStream": "conversation",
    "Conversation": "conversation",
    "Mediasim": "simulator",
    "MediasimSandbox": "sandbox",
    "Recording": "recording",
    "Simulated": "simulator",
    "TextMessage": "text_message",
}


def __getattr__(name: str) -> Any:
    # Imported at the first use: a test run without it pays nothing.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"mediasim.testing.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mediasim.testing' has no attribute {name!r}")
