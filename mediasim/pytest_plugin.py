"""The pytest plugin: fixtures ``mediasim`` and ``mediasim_sandbox``, and artifacts of failed tests.

Every test run in an environment with mediasim installed loads this module, so it imports nothing
but pytest: the rest is imported when a fixture is first used.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Generator, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mediasim.testing.artifacts import Artifacts
    from mediasim.testing.sandbox import MediasimSandbox
    from mediasim.testing.simulator import Mediasim

_ARTIFACTS: pytest.StashKey[Artifacts] = pytest.StashKey()
"""The artifacts of a test, while it runs."""


class _OrdinaryImports:
    """Imports mediasim's modules as Python does.

    pytest rewrites the assertions in all modules of a plugin's package. These have none that a test
    reads, but hundreds of modules would be parsed and compiled beside the bytecode that exists.
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of mediasim's; None for others."""
        return PathFinder.find_spec(name, path, target) if name.startswith("mediasim.") else None


sys.meta_path.insert(0, _OrdinaryImports())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options to pytest's command line."""
    group = parser.getgroup("mediasim", "simulated telephone calls")
    group.addoption(
        "--mediasim-seed",
        type=_seed,
        metavar="N",
        help="the seed of every simulation and sandbox, instead of their own",
    )
    group.addoption(
        "--mediasim-realtime",
        action="store_true",
        help="simulations and sandboxes run on the wall clock instead of virtual time",
    )
    group.addoption(
        "--mediasim-keep",
        type=Path,
        metavar="DIR",
        help="keep recordings and reports of all tests there; otherwise those of failed tests "
        "stay in pytest's temporary folder",
    )


def _seed(text: str) -> int:
    """Read a seed. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise ArgumentTypeError(f"expected a whole number from 0 to 2^63 - 1, found {text!r}")
    return int(text)


@pytest.fixture
def _mediasim_artifacts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Artifacts]:
    """The artifacts of a test, shared by both fixtures."""
    from mediasim.testing.artifacts import Artifacts, Options

    option = request.config.getoption
    keep: Path | None = option("--mediasim-keep")
    options = Options(
        seed=option("--mediasim-seed"),
        realtime=option("--mediasim-realtime"),
        keep=None if keep is None else keep.absolute(),
    )
    artifacts = Artifacts(request.node.nodeid, options, tmp_path_factory.mktemp)
    request.node.stash[_ARTIFACTS] = artifacts
    yield artifacts
    artifacts.close()


@pytest.fixture
def mediasim(_mediasim_artifacts: Artifacts, request: pytest.FixtureRequest) -> Mediasim:
    """Simulates calls in virtual time: ``mediasim.simulate(...)`` returns their recordings."""
    from mediasim.testing.simulator import Mediasim

    return Mediasim(_mediasim_artifacts, request.path.parent)


@pytest.fixture
def mediasim_config() -> Any:
    """The number plan and settings of ``mediasim_sandbox``: override it to have some.

    A dict, YAML text, or the path of a file, as ``mediasim serve --config`` takes it.
    """
    return {}


@pytest.fixture
def mediasim_sandbox(
    _mediasim_artifacts: Artifacts, mediasim_config: Any, request: pytest.FixtureRequest
) -> Iterator[MediasimSandbox]:
    """A sandbox on a free port, in memory, in virtual time: Twilio for the app under test."""
    from mediasim.sandbox.config import config_of
    from mediasim.testing.sandbox import MediasimSandbox

    config = config_of(mediasim_config, request.path.parent)
    sandbox = MediasimSandbox(config, _mediasim_artifacts)
    try:
        yield sandbox
        _mediasim_artifacts.complete_if_kept()
    finally:
        sandbox.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failed test's report what happened in it, and where its artifacts are."""
    ours = _ARTIFACTS in item.stash
    if ours and call.excinfo is not None and not item.config.getoption("fulltrace"):
        from mediasim.testing.tracebacks import hide_frames

        hide_frames(call.excinfo)
    report = yield
    if report.failed and ours:
        report.sections += item.stash[_ARTIFACTS].told()
        completed = item.stash[_ARTIFACTS].complete()
        if completed is not None:
            report.sections.append(("mediasim kept", completed))
    return report
