"""The rooms of the house: imports go one way, from each package to those below it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
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


SOCKETLESS = ("audio", "rtp", "media", "parties", "exchange", "truth", "twilio")
SOCKETS = {"http.client", "http.server", "httpx2", "select", "selectors", "socket", "socketserver"}
SOCKETS |= {"ssl", "urllib.request", "uvicorn", "websockets"}
CONNECTS = {"create_connection", "create_datagram_endpoint", "create_server", "open_connection"}
CONNECTS |= {"open_unix_connection", "sock_connect", "start_server", "start_unix_server"}


@pytest.mark.parametrize("package", SOCKETLESS)
def test_packages_without_sockets_open_none(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        found = {name for name in imported(path) if {name, name.split(".")[0]} & SOCKETS}
        found |= {node.attr for node in syntax(path) if isinstance(node, ast.Attribute)} & CONNECTS
        assert not found, f"{path} has {found}: sockets are opened in net, or above twilio"


TWILIOS = re.compile(r"\b(api_version|error_code|http|rfc2822|subresource\w*|to_twilio\w*|twiml)\b")


@pytest.mark.parametrize("path", sorted((ROOT / "exchange").glob("*.py")), ids=lambda it: it.name)
def test_the_exchange_knows_neither_http_nor_twiml_nor_twilios_json(path: Path) -> None:
    words = {
        word
        for node in syntax(path)
        for field in ("id", "attr", "name", "arg", "value")
        if isinstance(text := getattr(node, field, None), str)
        and not (isinstance(node, ast.Constant) and len(text.split()) > 1)  # told to people
        for word in TWILIOS.findall(text.lower())
    }
    assert not words, f"{path.name} has {words}: what is Twilio's stands in mediasim/twilio"


IN_CYCLES = {"sandbox": 2, "scenario": 2, "sip": 2, "testing": 2}
"""How many modules of a package import each other, for types alone too; of any other none do.

Fewer is better; more is not allowed.
"""


def imports_within(package: str) -> dict[str, set[str]]:
    """Each module of a package, and those of the package that it imports."""
    paths = {
        ".".join(("mediasim", *path.relative_to(ROOT).with_suffix("").parts)): path
        for path in (ROOT / package).rglob("*.py")
    }
    paths = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    found: dict[str, set[str]] = {name: set() for name in paths}
    for name, path in paths.items():
        for node in syntax(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found[name].add(whole if whole in paths else node.module)
        found[name] &= paths.keys() - {name}
    return found


def in_cycles(graph: dict[str, set[str]]) -> set[str]:
    """The modules that reach themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            ahead += (fresh := graph[ahead.pop()] - seen)
            seen |= fresh
        return seen

    return {name for name in graph if name in reached(name)}


PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_of_a_package_do_not_import_each_other(package: str) -> None:
    cyclic = in_cycles(imports_within(package))
    assert len(cyclic) <= IN_CYCLES.get(package, 0), sorted(cyclic)


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}
    long = {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > 520}
    assert not long, f"too long to hold in the head: {long}"


# -- where statuses change ------------------------------------------------------------------

MOVERS = {
    "call": "exchange/live_call.py",
    "conference": "exchange/conference.py",
    "recording": "exchange/recording_control.py",
    "stream": "twilio/streams/stream.py",
    "transcription": "twilio/transcriptions.py",
    "recording after a crash": "exchange/recovery.py",
    "all others after a crash": "twilio/rest/resource.py",
}
"""Who asks ``exchange.lifecycle``, the one module that changes statuses, to change one."""
OTHER_STATUSES = ("outcome", "fate", "talk")
"""What has a status that is no record's: a Dial's outcome, an answer that the weather gives."""


def syntax(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def statuses_assigned(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """On what ``.status`` is assigned."""
    for node in nodes:
        match node:
            case ast.Attribute(attr="status", ctx=ast.Store(), value=owner):
                yield ast.unparse(owner)


def test_lifecycle_alone_assigns_a_records_status() -> None:
    living = set()
    for path in MODULES:
        nodes = syntax(path)
        if path != ROOT / "exchange/lifecycle.py":
            assigned = set(statuses_assigned(nodes)) - {"self", *OTHER_STATUSES}
            assert not assigned, f"{path} assigns a status on {assigned}"
        for node in nodes:
            if isinstance(node, ast.ClassDef) and re.search(
                r"\bLIFE: ClassVar =", ast.unparse(node)
            ):
                living.add(node.name)
                assert not list(statuses_assigned(ast.walk(node))), f"{node.name} moves itself"
    assert len(living) == 5


def test_one_module_of_each_kind_asks_for_moves() -> None:
    asking = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if re.search(r"lifecycle\.(move|settle)|lifecycle import .*interrupt", path.read_text())
    }
    assert asking == set(MOVERS.values())
