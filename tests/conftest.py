"""For all tests: quick voices unless a test asks for real ones, and repeatable examples."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("MEDIASIM_SPEECH", "babble")

settings.register_profile("mediasim", deadline=None, print_blob=True)
settings.load_profile("mediasim")
