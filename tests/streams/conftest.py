"""The stages of the account's tests and the sandbox's are used here too."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(_TESTS / name) for name in ("twilio", "sandbox", "streams/examples")]
