"""For all tests: quick voices unless a test asks for real ones, and repeatable examples."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("MEDIASIM_SPEECH", "babble")
# Threads of numpy's wait busily, on the cores of the other workers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A commit is judged by the same examples on every machine and every day. To look for new ones:
# MEDIASIM_EXPLORE=1, with MEDIASIM_EXAMPLES=20 for twenty times as many of the drawn scenarios.
settings.register_profile(
    "mediasim",
    deadline=None,
    print_blob=True,
    derandomize="MEDIASIM_EXPLORE" not in os.environ,
)
settings.load_profile("mediasim")
