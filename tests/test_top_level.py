"""What may stand at the top of the repository: nothing gets there unnoticed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
FOLDERS = {"docker", "mediasim", "scenarios", "tests"}
FILES = {
    "AGENTS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "constraints.txt",
    "pyproject.toml",
}


def kept() -> list[str]:
    """Paths that are in the repository, or would be after ``git add --all``."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout: " + found.stderr.strip())
    return [path for path in found.stdout.split("\0") if path and (TOP / path).exists()]


def test_the_top_level_holds_what_it_is_meant_to_and_nothing_else() -> None:
    paths = [path.partition("/") for path in kept()]
    folders = {name for name, slash, _ in paths if slash and not name.startswith(".")}
    files = {name for name, slash, _ in paths if not slash and not name.startswith(".")}
    assert folders - FOLDERS == set(), "a folder at the top: put it below mediasim or tests"
    assert files - FILES == set(), "a file at the top: it belongs elsewhere, or in .gitignore"


def test_no_built_package_is_kept() -> None:
    built = [path for path in kept() if path.endswith((".whl", ".egg", ".pyc", ".so"))]
    assert built == [], "built files are downloaded or made, not kept in the repository"


DOCUMENTS = (
    [TOP / path for path in kept() if path.endswith(".md")] if (TOP / ".git").exists() else []
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_of_the_documentation_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (document.parent / link).exists()] == []
