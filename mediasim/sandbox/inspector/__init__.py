"""The inspector: the page at ``/`` that shows and plays what happens in the sandbox."""

from mediasim.sandbox.inspector.routes import HOME, inspector_routes

__all__ = ["HOME", "inspector_routes", "kept", "legs", "pages", "text", "waits"]
