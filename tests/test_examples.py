"""What ships with the package to start from: scenarios that are listed and copied, and templates
whose own tests pass as they are."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from inner_runs import imported_once  # noqa: F401 - a fixture of this module
from typer.testing import CliRunner

from mediasim.cli import app
from mediasim.commands.examples import templates
from mediasim.sandbox.config import load_config

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")


def mediasim(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def without_app() -> Iterator[None]:
    """Templates have modules of the same names, and so have other tests."""
    names = "app", "test_app"
    kept = [(name, sys.modules.pop(name)) for name in names if name in sys.modules]
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


@pytest.mark.parametrize("name", templates())
def test_a_template_passes_its_own_tests(
    name: str, pytester: pytest.Pytester, without_app: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mediasim("new", "mine", "--template", name)[0] == 0
    folder = Path("mine").resolve()
    assert {each.name for each in folder.iterdir()} == {"app.py", "test_app.py", "sandbox.yaml"}
    load_config(folder / "sandbox.yaml")
    monkeypatch.syspath_prepend(folder)
    result = pytester.inline_run(
        "-q", *SCOPE, "-p", "no:xdist", "-p", "no:cacheprovider", str(folder)
    )
    passed, skipped, failed = result.countoutcomes()
    assert passed > 0
    assert (skipped, failed) == (0, 0)


def test_examples_are_listed_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, told, _ = mediasim("examples")
    assert code == 0
    names = [line.split()[0] for line in told.splitlines() if line.startswith("  ")]
    shipped = {path.name for path in (ROOT / "scenarios").glob("*.yaml")}
    assert shipped | set(templates()) <= set(names)
    assert all(line.rstrip().endswith((".", ":")) for line in told.splitlines())
    assert mediasim("examples", "--to", "mine")[0] == 0
    code, told, errors = mediasim("check", "mine/*.yaml")
    assert (code, errors) == (0, "")
    assert len(told.splitlines()) >= len(shipped)
    assert "mine exists already" in mediasim("examples", "--to", "mine")[2]
    assert (
        "there is no template 'none'; there are: card-payment"
        in mediasim("new", "other", "-t", "none")[2]
    )


def test_the_wheel_carries_the_examples() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"scenarios": "mediasim/examples"}
