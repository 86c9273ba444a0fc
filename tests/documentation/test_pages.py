"""The documentation as it is read: in a terminal, in a browser, and by whoever follows a link."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from mediasim.cli import app as commands
from mediasim.documentation.html import REPOSITORY, html_of
from mediasim.documentation.pages import FOLDER, KINDS, Page, page, pages
from mediasim.documentation.search import search
from mediasim.testing import MediasimSandbox

TOP = Path(__file__).parents[2]


def printed(*words: str) -> Result:
    return CliRunner().invoke(commands, ["docs", *words])


# -- the pages ------------------------------------------------------------------------------------


def test_every_file_is_a_page_of_a_kind_with_a_topic_of_its_own() -> None:
    files = set(FOLDER.rglob("*.md"))
    assert files == {each.path for each in pages()}, "a page belongs into the folder of its kind"
    topics = [each.topic for each in pages()]
    assert len(set(topics)) == len(topics)
    for each in pages():
        assert re.match(r"# \S", each.source), f"{each.topic} does not begin with its title"
        assert each.topic == "index" or each.summary, f"{each.topic} says nothing under its title"


@cache
def shown(topic: str) -> str:
    """A page's HTML."""
    return html_of(page(topic), "/docs")[0]


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.topic)
def test_links_between_pages_lead_to_headings(each: Page) -> None:
    text = shown(each.topic)
    for topic, anchor in re.findall(r'<a href="/docs/?([\w-]*)(#[^"]*)?"', text):
        found = page(topic or "index")
        assert found.topic == (topic or "index")
        assert not anchor or f'id="{anchor[1:]}"' in shown(found.topic), f"{topic}{anchor}"
    for path in re.findall(rf'(?:href|src)="{REPOSITORY}/blob/main/([^"#]*)', text):
        assert (TOP / path).exists(), path
    for path in re.findall(r'src="/docs/([^"]*)"', text):
        assert (FOLDER / path).is_file(), path


def test_the_readme_is_a_page_whose_links_are_absolute_and_lead_to_files() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 150
    for link in re.findall(r"\]\(([^)\s]+)\)", readme):
        ours = re.match(
            rf"(?:{REPOSITORY}/(?:blob|tree)/main|https://raw\.githubusercontent\.com/"
            rf"{REPOSITORY.removeprefix('https://github.com/')}/main)/([^#]+)(#.*)?",
            link,
        )
        assert ours, f"{link}: a package index shows the README, so its links are absolute"
        assert (TOP / ours[1]).exists(), link
        if ours[2]:
            assert f'id="{ours[2][1:]}"' in shown(page(ours[1]).topic), link


# -- in a terminal --------------------------------------------------------------------------------


def test_topics_are_listed_by_kind() -> None:
    listed = printed()
    assert listed.exit_code == 0
    for each in pages()[1:]:
        assert re.search(rf"^  {each.topic} +{re.escape(each.title)}$", listed.output, re.MULTILINE)
    titles = [listed.output.index(kind.title + ":") for kind in KINDS]
    assert titles == sorted(titles)
    assert "glossary" not in printed("how-to").output
    assert "glossary" in printed("explanation").output


def test_a_page_that_is_not_read_on_a_terminal_is_markdown() -> None:
    done = printed("glossary")
    assert done.output == page("glossary").text.rstrip("\n") + "\n"
    assert printed("glos").output == printed("explanation/glossary.md").output == done.output
    unknown = printed("glosary")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert unknown.stderr == ("the documentation has no page 'glosary': near it are glossary\n")


def test_a_page_on_a_terminal_is_rendered_and_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list[str]()
    monkeypatch.setattr("pydoc.pager", shown.append)
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setattr("mediasim.commands.docs.on_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    assert printed("agent-answers").exit_code == 0
    (text,) = shown
    assert "```" not in text
    assert "\x1b[1" in text
    plain = re.sub("\x1b\\[[0-9;]*m", "", text)
    # Code is copied from there: its lines are whole.
    (line,) = re.findall(r"^    agent = .*$", page("agent-answers").text, re.MULTILINE)
    assert len(line) > 80
    assert line in plain
    assert ".md" not in plain
    assert "(scripts-and-calls)" in plain


def test_words_are_searched() -> None:
    found = printed("--search", "voice insights tags")
    assert found.output.startswith("voice-insights  Voice Insights")
    nothing = printed("--search", "xyzzy jitter")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert printed("glossary", "--search", "jitter").exit_code == 2
    for topic, words in (("exec", "exec app as it is"), ("rtp-policy", "payload type static")):
        assert search(words)[0].topic == topic


TASKS = {
    "card number": "card-number",
    "agent busy": "agent-answers",
    "bridged": "wait-until-bridged",
    "webhook retried": "bad-webhooks",
    "webhook parameters": "assert-a-webhook",
    "call failed": "why-did-my-call-fail",
    "transcript channel": "transcripts-per-channel",
    "misheard": "misheard-speech",
    "pcap": "import-a-capture",
    "jitter party": "change-the-network",
    "own wav": "own-audio",
    "barge-in": "barge-in",
    "node clock reset": "node-tests",
    "java": "sdks",
    "github actions": "continuous-integration",
    "gitlab": "continuous-integration",
    "docker compose": "docker",
    "sipp": "sip-phones",
    "baresip": "sip-phones",
    "flask": "web-frameworks",
    "django": "web-frameworks",
    "load test": "load-test",
    "reproduce failure": "reproduce-a-failure",
    "covered twilio": "what-is-covered",
    "editor completion": "editor",
    "several people": "share-a-sandbox",
    "data set": "data-set",
}
"""What people come with, in their words, and the page of it."""


@pytest.mark.parametrize("words", TASKS)
def test_a_task_is_found_by_its_words(words: str) -> None:
    assert TASKS[words] in [found.topic for found in search(words)[:3]]


# -- in a browser ---------------------------------------------------------------------------------


def test_a_sandbox_serves_the_documentation(mediasim_sandbox: MediasimSandbox) -> None:
    def ask(path: str, accept: str = "text/html") -> tuple[int, str]:
        request = Request(mediasim_sandbox.base_url + path, headers={"Accept": accept})
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
                assert answer.headers["X-Content-Type-Options"] == "nosniff" or "html" not in accept
                return answer.status, answer.read().decode("utf-8", "replace")
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    status, text = ask("/docs")
    assert status == 200
    for each in pages()[1:]:
        assert f'<a href="/docs/{each.topic}"' in text
    status, text = ask("/docs/reference/sip.md")  # as it stands in the repository
    assert status == 200
    assert "<h1" in text
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', text):
        assert ask(path)[0] == 200, path
    assert "https://" not in "".join(re.findall(r'(?:src|<link href)="([^"]+)"', text))
    assert ask("/docs/sip", "text/markdown")[1] == page("sip").text
    assert ask("/docs/sib")[0] == ask("/docs/sib", "*/*")[0] == 404
    found = json.loads(ask("/docs/search?q=hold+music", "application/json")[1])["found"]
    assert found
    assert all(ask(each["address"])[0] == 200 for each in found[:3])
    assert "<ol>" in ask("/docs/search?q=hold+music")[1]
    assert "<b>" not in ask("/docs/search?q=%3Cb%3E")[1]
