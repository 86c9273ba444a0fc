"""The snippets of a page: found in its Markdown, and done in order in a folder of the page's own.

* YAML is written to the file that its first line, or the paragraph above it, names; it has to be a
  scenario or a number plan.
* Python with tests in it is a test file, run by pytest; a file that is named is written; any other
  is executed, each page's snippets in one namespace.
* Shell commands are carried out: ``mediasim`` and ``pytest`` in this process, where they can be.
* What cannot be run here has a comment above it that says why: ``<!-- not run: needs Docker -->``;
  what can be where a module or program is there names it: ``<!-- needs: fastapi -->``;
  ``<!-- run: alone -->`` is for what would change this process.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from types import FunctionType
from typing import Any, Final
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from mediasim.campaign.spec.load import load_campaign
from mediasim.cli import app as commands
from mediasim.documents.document import read_yaml
from mediasim.sandbox import server
from mediasim.sandbox.access import environment_block
from mediasim.sandbox.config import config_of
from mediasim.scenario.model.load import load_scenarios

__all__ = ["PageRun", "Snippet", "snippets_of"]

_FENCE: Final = re.compile(
    r"^(?P<above>(?:<!--[^\n]*-->\n)*)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_NAMED: Final = re.compile(r"`([\w./-]+\.(?:yaml|yml|py|mjs|toml|json))`")
_ADDRESS: Final = "http://127.0.0.1:8080"
"""Where a sandbox is that was started without a port."""
_PATIENCE_S: Final = 90
"""Seconds that commands may take before they count as hanging."""
_TESTS: Final = re.compile(r"^(async )?def test_", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A block of code of a page."""

    line: int
    language: str
    text: str
    name: str
    """The file that it is; an empty text where none is named."""
    not_run: str
    """Why it is not run here; an empty text where it is."""
    needs: str
    """A module or program without which it is not run; an empty text for none."""
    alone: bool
    """Whether it is run in a process of its own, for what it changes in it."""
    exits: int
    """The exit code of its last command."""

    @property
    def left_out(self) -> str:
        """Why it is not run on this machine; an empty text where it is."""
        there = not self.needs or shutil.which(self.needs) or importlib.util.find_spec(self.needs)
        return self.not_run or ("" if there else f"{self.needs} is not installed")


def snippets_of(source: str) -> list[Snippet]:
    """The blocks of code of a page, in order; those without a language are output."""
    return [
        Snippet(
            line=source.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=found["text"],
            name=_name(source[: found.start()], found["text"]),
            not_run=_said("not run", found["above"]),
            needs=_said("needs", found["above"]),
            alone=_said("run", found["above"]) == "alone",
            exits=int(_said("exits", found["above"]) or 0),
        )
        for found in _FENCE.finditer(source)
    ]


def _said(what: str, above: str) -> str:
    found = re.search(rf"<!-- {what}: (.*?) -->", above)
    return found[1] if found else ""


def _name(before: str, text: str) -> str:
    """The file that a block is: named in a comment on its first line, or in the paragraph above."""
    first = re.match(r"(?:#|//) ([\w./-]+\.\w+)\s*$", text.partition("\n")[0])
    if first:
        return first[1]
    named = _NAMED.findall(before.rstrip("\n").rpartition("\n\n")[2])
    return str(named[-1]) if named else ""


class PageRun:
    """A page's snippets, done one after the other."""

    def __init__(self, pytester: pytest.Pytester, stack: ExitStack) -> None:
        self._pytester = pytester
        self._folder = pytester.path
        self._stack = stack
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._environment: dict[str, str] = {}
        self._tests = list[str]()
        """Test files that no command has run yet."""

    def do(self, snippet: Snippet) -> None:
        """Do what a reader does with a snippet."""
        match snippet.language:
            case "yaml" | "yml":
                self._document(snippet)
            case "python":
                self._python(snippet)
            case "sh" | "console":
                self._shell(snippet)
            case "json" if "…" in snippet.text:
                pass  # shown, with something left out
            case "json":
                json.loads(snippet.text)
                self._write(snippet.name, snippet.text)
            case "toml":
                tomllib.loads(snippet.text)
                self._write(snippet.name, snippet.text)
            case "js" if snippet.name:
                self._write(snippet.name, snippet.text)
            case "xml":
                ElementTree.fromstring(snippet.text)
            case "text":
                pass
            case other:
                pytest.fail(f"line {snippet.line}: what is {other}? say <!-- not run: why -->")

    def finish(self) -> None:
        """Run the tests that no command has run."""
        assert not self._tests or self._pytest([]) == 0

    # -- files ----------------------------------------------------------------------------------

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / (name or "unnamed")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def _document(self, snippet: Snippet) -> None:
        path = self._write(snippet.name or f"line-{snippet.line}.yaml", snippet.text)
        keys = read_yaml(snippet.text, path).plain()
        assert isinstance(keys, dict)
        if keys.keys() & {"conversation", "scenario"}:
            load_campaign(str(path))
        elif keys.keys() & {"call", "calls", "conference", "conferences"}:
            load_scenarios([str(path)])
        else:
            config_of(path, self._folder)

    def _python(self, snippet: Snippet) -> None:
        tests = _TESTS.search(snippet.text)
        if tests or snippet.name:
            name = snippet.name or f"test_line_{snippet.line}.py"
            self._write(name, snippet.text)
            if tests:
                self._tests.append(name)
            return
        if snippet.alone:
            name = self._write(f"line_{snippet.line}.py", snippet.text).name
            assert self._bash(f"python {name}") == 0
            return
        whole = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as a notebook has it
        code = compile(snippet.text, f"line {snippet.line}", "exec", flags=whole)
        before = os.environ.copy()
        os.environ.update(self._environment)
        try:
            waited = FunctionType(code, self._names)()
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(waited)
        finally:
            os.environ.clear()
            os.environ.update(before)

    # -- commands -------------------------------------------------------------------------------

    def _shell(self, snippet: Snippet) -> None:
        text = snippet.text
        if snippet.language == "console":
            text = "".join(re.findall(r"^\$ (.*\n(?:.*\\\n)*)", text, re.MULTILINE))
        lines = [
            words
            for line in text.replace("\\\n", " ").splitlines()
            if (words := shlex.split(line, comments=True))
        ]
        codes = [0]
        if re.search(r"[|;`]|&&|\$\(|^\w+=", text, re.MULTILINE):
            codes = [self._bash(text)]
        else:
            codes = [self._command(words) for words in lines]
        assert codes[-1] == snippet.exits, f"line {snippet.line}: exit code {codes[-1]}"
        assert not any(codes[:-1]), f"line {snippet.line}: exit codes {codes}"

    def _command(self, words: list[str]) -> int:
        program, arguments = words[0], [each for word in words[1:] for each in self._found(word)]
        if program == "pytest" or arguments[:2] == ["-m", "pytest"]:
            return self._pytest(arguments[2 * (program == "python") :])
        if program != "mediasim" or arguments[0] == "exec":
            return self._bash(shlex.join([program, *arguments]))
        into = arguments.pop() if arguments[-2:-1] == [">"] else None
        arguments = [word for word in arguments if word not in ("&", ">")]
        if arguments[0] == "serve":
            return self._serve(arguments[1:])
        done = CliRunner().invoke(commands, arguments, env=self._environment)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        sys.stdout.write(f"$ {shlex.join(words)}\n{done.output}")
        if into is not None:
            self._write(into, done.stdout)
        return done.exit_code

    def _found(self, word: str) -> list[str]:
        """The files that a pattern stands for; a word that is none, as it is."""
        found = sorted(self._folder.glob(word)) if "*" in word else []
        return [str(path.relative_to(self._folder)) for path in found] or [word]

    def _serve(self, options: list[str]) -> int:
        """Serve on a free port until the page's end; later commands are told where."""
        if "--data" not in options and "--in-memory" not in options:
            options = [*options, "--in-memory"]
        self._environment |= self._stack.enter_context(served(options))
        return 0

    def _pytest(self, arguments: list[str]) -> int:
        chosen = [*arguments, *(self._tests if not any(map(_is_file, arguments)) else ())]
        self._tests = [name for name in self._tests if name not in chosen]
        for name in chosen:
            sys.modules.pop(Path(name).stem, None)
        quiet = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
        quiet += ["-o", "asyncio_default_fixture_loop_scope=function"]
        code = self._pytester.inline_run(*quiet, *chosen).ret
        assert code is not None
        return int(code)

    def _bash(self, text: str) -> int:
        """Run commands by a shell, in which ``mediasim`` and ``python`` are ours."""
        where = self._environment.get("MEDIASIM_BASE_URL", _ADDRESS)
        text = text.replace(_ADDRESS, where).replace(_ADDRESS.removeprefix("http://"), where[7:])
        ours = f'mediasim() {{ "{sys.executable}" -m mediasim "$@"; }}\n'
        ours += f'python() {{ "{sys.executable}" "$@"; }}\n'
        started = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", ours + text],
            cwd=self._folder,
            env={**os.environ, "NO_PROXY": "127.0.0.1", **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            sys.stdout.write(started.communicate(timeout=_PATIENCE_S)[0])
        finally:
            with suppress(ProcessLookupError):  # what goes on in the background ends as well
                os.killpg(started.pid, signal.SIGKILL)
        return started.returncode


def _is_file(word: str) -> bool:
    return word.partition("::")[0].endswith(".py")


@contextmanager
def served(options: list[str]) -> Iterator[dict[str, str]]:
    """``mediasim serve`` on a free port and a thread; gives the environment that it prints.

    A program of its own would cost a second of the processor on each page. It is told to end by its
    event, for signals are of the main thread.
    """
    started: Queue[dict[str, str] | BaseException] = Queue()
    ends = list[Callable[[], object]]()

    @contextmanager
    def told_by_us(end: asyncio.Event) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        yield

    def block(variables: Mapping[str, str]) -> str:
        started.put(dict(variables))
        return environment_block(variables)

    def run() -> None:
        try:
            commands(["serve", "--port", "0", *options], standalone_mode=False)
        except BaseException as error:
            started.put(error)

    mask = os.umask(0o077)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_signals", told_by_us)
        patch.setattr(server, "environment_block", block)
        thread = threading.Thread(target=run, name="serve", daemon=True)
        thread.start()
        try:
            found = started.get()
            if isinstance(found, BaseException):
                raise found
            yield found
        finally:
            for end in ends:
                end()
            thread.join()
            os.umask(mask)
