"""Every name that users write or read, gathered through the faces that show them.

``python tests/public_names.py`` writes the snapshot that ``test_public_names.py`` compares.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

import mediasim
import mediasim.testing
from mediasim import cli, pytest_plugin
from mediasim.exchange.events import EXCHANGE_EVENTS, STREAM_EVENTS

SNAPSHOT = Path(__file__).with_name("public_names.json")
ROOT = Path(__file__).parents[1]
SCENARIOS = ("conference.yaml", "support-call.yaml", "voice-bot.yaml", "voicemail.yaml")
"""Whose runs leave every block of a report."""


def command_line() -> Iterator[str]:
    """Each command with its arguments and options."""
    for command in typer.main.get_command(cli.app).commands.values():  # type: ignore[attr-defined]
        for parameter in command.params:
            for name in (*parameter.opts, *parameter.secondary_opts):
                yield f"{command.name} {name}"


def printed(*arguments: str) -> str:
    """What a command prints."""
    words = [sys.executable, "-m", "mediasim", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def schema_keys(schema: Mapping[str, Any]) -> set[str]:
    """The keys that a schema allows, each behind the key whose value it stands in."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()

    def walk(node: Any, key: str) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each, key)
        elif isinstance(node, dict):
            if (name := node.get("$ref")) is not None:
                if (name, key) not in seen:
                    seen.add((name, key))
                    walk(schema["$defs"][name.rpartition("/")[2]], key)
                return
            for inner, value in node.get("properties", {}).items():
                found.add(f"{key}.{inner}")
                walk(value, inner)
            for kind in ("anyOf", "oneOf", "allOf", "items", "prefixItems", "additionalProperties"):
                walk(node.get(kind), key)
            for word in (*node.get("enum", ()), node.get("const")):
                if isinstance(word, str):
                    found.add(f"{key}={word}")

    walk({key: value for key, value in schema.items() if key != "$defs"}, "")
    return found


def document_keys(document: Any, key: str = "") -> set[str]:
    """The keys of a JSON document, each behind the key whose value it stands in."""
    found: set[str] = set()
    if isinstance(document, list):
        for each in document:
            found |= document_keys(each, key)
    elif isinstance(document, dict):
        for inner, value in document.items():
            if inner.isidentifier():
                found.add(f"{key}.{inner}")
            found |= document_keys(value, inner if inner.isidentifier() else key)
    return found


def run_keys() -> dict[str, set[str]]:
    """The keys of the documents that runs leave, and of what ``analyze`` and ``verify`` print."""
    with tempfile.TemporaryDirectory() as folder:
        printed("run", *(str(ROOT / "scenarios" / name) for name in SCENARIOS), "--out", folder)
        truths = sorted(Path(folder).rglob("*.truth.json"))
        report = json.loads((Path(folder) / "report.json").read_text())
        dual = next(
            truth.with_name(truth.name.replace(".truth.json", ".wav"))
            for truth in truths
            if len(json.loads(truth.read_text())["channels"]) == 2
        )
        return {
            "report": document_keys(report),
            "truth": set().union(*(document_keys(json.loads(t.read_text())) for t in truths)),
            "analyze": document_keys(json.loads(printed("analyze", str(dual), "--format", "json"))),
            "verify": document_keys(json.loads(printed("verify", str(dual), "--format", "json"))),
        }


def attributes(package: Any) -> Iterator[str]:
    """The names that a package exports, and those that their classes give."""
    for name in package.__all__:
        yield name
        found = getattr(package, name)
        if inspect.isclass(found):
            fields = (*dir(found), *getattr(found, "__annotations__", ()))
            for each in {name for name in fields if not name.startswith("_")}:
                yield f"{name}.{each}"


def pytest_names() -> Iterator[str]:
    """Fixtures and options of the plugin."""
    for name, found in vars(pytest_plugin).items():
        if "fixture" in type(found).__name__.lower() and not name.startswith("_"):
            yield name
    source = inspect.getsource(pytest_plugin.pytest_addoption)
    yield from (word.strip('",') for word in source.split() if word.startswith('"--'))


def all_names() -> dict[str, list[str]]:
    """Every public name, by the face that shows it."""
    with contextlib.redirect_stdout(io.StringIO()):
        found: dict[str, Any] = {
            "command line": command_line(),
            "scenario files": schema_keys(json.loads(printed("schema"))),
            "config files": schema_keys(json.loads(printed("schema", "--config"))),
            "mediasim": attributes(mediasim),
            "mediasim.testing": attributes(mediasim.testing),
            "events": (*EXCHANGE_EVENTS, *STREAM_EVENTS),
            "pytest": pytest_names(),
            **run_keys(),
        }
    return {face: sorted(set(names)) for face, names in found.items()}


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(all_names(), indent=1, ensure_ascii=False) + "\n", "utf-8")
