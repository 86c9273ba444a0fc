"""For all tests: quick voices unless a test asks for real ones, and repeatable examples."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

# Loaded here, for what pytester's inner runs load is taken back after them: a library that has
# remembered classes of its exceptions would know others than are raised from then on.
import httpcore2  # noqa: F401
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
from bytecode import compile_share, write_bytecode
from lanes import Lanes, in_order, lower_priority

write_bytecode()
# Collecting makes objects by the million and no garbage: nothing is looked for among them, now or
# during the tests.
gc.disable()
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


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes | None:
    """Share tests out in lanes, unless the command says how."""
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # the order is that of :func:`in_order`
    return Lanes(config, log)


def pytest_collection(session: pytest.Session) -> None:
    compile_share(session.config)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [items[place] for place in in_order([item.nodeid for item in items])]
    for item in items:
        # What else the machine does can make a test of real time fail: it is tried again some
        # seconds later, up to three times, and the summary names each that was.
        if item.get_closest_marker("realtime"):
            item.add_marker(pytest.mark.flaky(reruns=3, reruns_delay=5))


def pytest_runtest_setup(item: pytest.Item) -> None:
    lower_priority(item.nodeid)
