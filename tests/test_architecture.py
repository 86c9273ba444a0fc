"""The rooms of the house: imports go one way, from each package to those below it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mediasim

ROOT = Path(mediasim.__file__).parent
FLOORS = ["seeds", "threads", "documents", "documentation", "audio", "rtp", "media"]
FLOORS += ["conversation", "net", "captures", "parties", "exchange", "truth", "recogniser"]
FLOORS += ["twilio", "scenario", "sip", "sandbox", "campaign", "testing", "pytest_plugin"]
FLOORS += ["commands", "cli"]
MODULES = sorted(
    path for path in ROOT.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
)


PATHS = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
"""Every module and package, by its dotted name."""


@cache
def syntax(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


@cache
def imported(path: Path) -> frozenset[str]:
    """Modules, and names in them, that a module imports; in functions and for types too."""
    found: set[str] = set()
    for node in syntax(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: import by whole names"
            found.update((str(node.module), *(f"{node.module}.{each.name}" for each in node.names)))
    return frozenset(found)


def floor_of(dotted: str) -> int | None:
    parts = dotted.split(".")
    if parts[0] != "mediasim" or len(parts) < 2:
        return None
    return FLOORS.index(parts[1]) if parts[1] in FLOORS else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    dotted = "mediasim." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own = floor_of(dotted)
    assert own is not None, f"{dotted} is on no floor: add its package to FLOORS"
    above = {name for name in imported(path) if (floor_of(name) or 0) > own}
    assert not above, f"{dotted} imports what stands above it: {', '.join(sorted(above))}"


SOCKETLESS = ("audio", "rtp", "media", "conversation", "parties", "exchange", "truth", "twilio")
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


def test_no_module_imports_itself_through_others() -> None:
    """In the tree as a whole; imports in functions and for types alone count too."""
    graph = {module: imported(path) & PATHS.keys() for module, path in PATHS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imported by " + ", imported by ".join(error.args[1]))


def test_the_documentation_has_the_floors_in_their_order() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"\w+", row)] == FLOORS


# -- public faces ---------------------------------------------------------------------------------

OF_USERS = {"mediasim", "mediasim.testing"}
"""Whose faces are for users: ``test_public_names.py`` pins them."""


def face_of(package: str) -> set[str]:
    """What ``__all__`` names in a package's ``__init__.py``."""
    for node in ast.parse(PATHS[package].read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name("__all__")], value=value):
                return set(ast.literal_eval(value))
    return set()


def asked_of(package: str) -> dict[str, str]:
    """The modules and names of a package that are imported from outside it, each with by whom."""
    inside = f"{package}."
    return {
        name.removeprefix(inside).partition(".")[0]: module
        for module, path in PATHS.items()
        if not f"{module}.".startswith(inside)
        for name in imported(path)
        if name.startswith(inside)
    }


PACKAGES = {name for name, path in PATHS.items() if path.name == "__init__.py"} - OF_USERS


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_is_imported_by_its_public_face(package: str) -> None:
    """Outside a package only what its ``__init__.py`` names in ``__all__`` is imported.

    ``__all__`` names modules of the package, which are imported by their own names, and classes
    and functions that ``__init__.py`` imports itself. All else of a package is its own affair, and
    may be renamed, merged or removed by reading that package alone. A module that is imported from
    nowhere outside is not of the face, so that the face is as small as it can be. Tests may import
    anything.
    """
    face, asked = face_of(package), asked_of(package)
    behind = {f"{name} (by {asked[name]})" for name in asked.keys() - face}
    unasked = {name for name in face - asked.keys() if f"{package}.{name}" in PATHS}
    right = sorted((face | asked.keys()) - unasked)
    advice = f"if that is right, write in its __init__.py: __all__ = {right}"
    assert not behind, f"{package}: {sorted(behind)} are not of its face; {advice}"
    assert not unasked, f"{package}: {sorted(unasked)} are imported from nowhere else; {advice}"


LONGEST = 400
OF_ONE_IDEA = {"truth/measure.py"}
"""Modules that may be longer, for what is in them is read as one."""


def test_modules_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES
    }
    long = {name for name, count in lengths.items() if count > LONGEST}
    assert long <= OF_ONE_IDEA, f"too long to hold in the head: {long - OF_ONE_IDEA}"
    assert max(lengths.values()) < 500


# -- where statuses change ------------------------------------------------------------------

MOVERS = {
    "call": "exchange/live_call.py",
    "conference": "exchange/conference.py",
    "recording": "exchange/recording_control.py",
    "stream": "twilio/streams/stream.py",
    "relay": "twilio/relay/session.py",
    "transcription": "twilio/transcriptions.py",
    "transcript": "twilio/transcripts/manager.py",
    "recording after a crash": "exchange/recovery.py",
    "all others after a crash": "twilio/rest/resource.py",
}
"""Who asks ``exchange.lifecycle``, the one module that changes statuses, to change one."""
OTHER_STATUSES = ("outcome", "fault", "talk")
"""What has a status that is no record's: a Dial's outcome, a response that is injected."""


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
                r"\bLIFECYCLE: ClassVar =", ast.unparse(node)
            ):
                living.add(node.name)
                assert not list(statuses_assigned(ast.walk(node))), f"{node.name} moves itself"
    assert len(living) == 9


def test_one_module_of_each_kind_asks_for_moves() -> None:
    moves = re.compile(r"lifecycle\.(move|finish_processing)|lifecycle import .*interrupt")
    asking = {str(path.relative_to(ROOT)) for path in MODULES if moves.search(path.read_text())}
    assert asking == set(MOVERS.values())
