"""The inspector: the page at ``/`` on which a person sees and hears what the sandbox does."""

from mediasim.sandbox.inspector.routes import HOME, inspector_routes

__all__ = ["HOME", "inspector_routes", "legs", "pages"]
