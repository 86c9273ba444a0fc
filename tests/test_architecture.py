"""The rooms of the house: imports go one way, from each package to those below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mediasim

ROOT = Path(mediasim.__file__).parent
FLOORS = ["seeds", "audio", "rtp", "media", "net"]
FLOORS += ["parties", "exchange", "truth", "twilio", "scenario", "sip", "sandbox"]
FLOORS += ["testing", "pytest_plugin", "cli"]
MODULES = sorted(
    path for path in ROOT.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
)


def floor_of(dotted: str) -> int | None:
    parts = dotted.split(".")
    if parts[0] != "mediasim" or len(parts) < 2:
        return None
    return FLOORS.index(parts[1]) if parts[1] in FLOORS else None


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    dotted = "mediasim." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own = floor_of(dotted)
    assert own is not None, f"{dotted} is on no floor: add its package to FLOORS"
    above = {name for name in imported(path) if (floor_of(name) or 0) > own}
    assert not above, f"{dotted} imports what stands above it: {', '.join(sorted(above))}"


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}
    long = {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > 520}
    assert not long, f"too long to hold in the head: {long}"
