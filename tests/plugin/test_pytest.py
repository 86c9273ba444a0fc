"""The plugin in other people's test runs: nothing to configure, and what failed tests leave."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from inner_runs import imported_once  # noqa: F401 - a fixture of this module

pytest_plugins = ["pytester"]

PLAIN = ("-p", "no:asyncio", "-W", "error::pytest.PytestWarning")
"""Without a plugin that wants to be configured, and with nothing to be warned of."""
ALONE = (*PLAIN, "-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Nor with those that take long to load."""

EXAMPLES = Path(__file__).with_name("examples")

TWO = """
SCENARIO = {
    "parties": {"alice": {"script": [{"say": "Hello Bob."}, "hangup"]}, "bob": {}},
    "call": {"from": "alice", "to": "bob", "recordings": [{"channels": "dual"}]},
}

def test_good(mediasim):
    mediasim.simulate(SCENARIO).recording().assert_heard("alice", channel=1)

def test_bad(mediasim):
    mediasim.simulate(SCENARIO).recording().assert_heard("alice", channel=2)
"""
BAD_SANDBOX = """
def test_bad(mediasim_sandbox):
    mediasim_sandbox.app({"/voice": "<Record timeout='2' action='/bye'/>", "/bye": "<Hangup/>"})
    call = mediasim_sandbox.call(script=[{"wait_for": "other-stops"}, {"say": "Hello."}])
    mediasim_sandbox.run_until_idle()
    call.recordings[0].assert_heard("nobody")
"""


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No app of these tests acts by itself, so that nothing outside need be waited for."""
    monkeypatch.setattr("mediasim.sandbox.clocks._OUTSIDE_SECONDS", 0.05)


def kept(output: str) -> dict[str, str]:
    """What was named in the output, by what it is."""
    section = output.partition("mediasim kept")[2]
    return dict(re.findall(r"^(recording|report|deliveries|repeat): (.+)$", section, re.MULTILINE))


def test_the_examples_run_as_they_stand(pytester: pytest.Pytester) -> None:
    names = sorted(path.name for path in EXAMPLES.glob("test_*.py"))
    assert len(names) == 4
    texts = [Path(shutil.copy(EXAMPLES / name, pytester.path)).read_text() for name in names]
    result = pytester.runpytest_inprocess(*PLAIN, *names)
    result.assert_outcomes(passed=sum(text.count("\ndef test_") for text in texts))


def test_a_failed_simulation_is_kept_and_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_two=TWO)
    result = pytester.runpytest_inprocess(*PLAIN)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: main RE*", "*^ 0:00.*", "*mediasim kept*"])
    found = kept(result.stdout.str())
    assert found["repeat"] == "pytest test_two.py::test_bad"
    assert Path(found["recording"]).is_file()
    assert "test_bad" in Path(found["report"]).read_text("utf-8")
    report = json.loads(Path(found["report"]).with_suffix(".json").read_text("utf-8"))
    assert report["runs"][0]["repeat"] == found["repeat"]
    folders = Path(found["report"]).parents[2].glob("mediasim-*")
    names = [folder.name for folder in folders if not folder.is_symlink()]
    assert names == ["mediasim-test_bad-0"]


def test_a_failed_sandbox_is_kept_and_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_box=BAD_SANDBOX)
    result = pytester.runpytest_inprocess(*PLAIN, "--mediasim-seed", "7")
    result.assert_outcomes(failed=1)
    found = kept(result.stdout.str())
    assert found["repeat"] == "pytest test_box.py::test_bad --mediasim-seed 7"
    assert Path(found["recording"]).is_file()
    page = Path(found["report"]).read_text("utf-8")
    assert Path(found["recording"]).stem in page
    data = re.search(r'id="sandbox-data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    saw = json.loads(data[1])
    assert [verb["verb"] for verb in saw["calls"][0]["verbs"]] == ["Record", "Hangup"]
    bodies = [each["response"]["body"] for each in saw["deliveries"].values()]
    assert "<Response><Record timeout='2' action='/bye'/></Response>" in bodies
    (run,) = json.loads(Path(found["report"]).with_suffix(".json").read_text("utf-8"))["runs"]
    assert run["seed"] == 7
    log = json.loads(Path(found["deliveries"]).read_text("utf-8"))
    assert [each["kind"] for each in log] == ["twiml", "twiml"]


TOLD = """
def helper(sandbox):
    sandbox.call(to="+14155550177")

def test_ended(mediasim_sandbox):
    bob = mediasim_sandbox.party("bob", ["hangup"])
    mediasim_sandbox.app({"/voice": f"<Say>Hello.</Say><Foo/>\\n<Dial>{bob}</Dial>"}, status="/no")
    call = mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    assert call.status == "busy"

def test_still(mediasim_sandbox):
    mediasim_sandbox.app({"/voice": "<Say>Hello.</Say>"})
    assert mediasim_sandbox.call().recordings

def test_stuck(mediasim_sandbox):
    mediasim_sandbox.app({"/voice": "<Enqueue>line</Enqueue>"})
    mediasim_sandbox.call(script=[{"wait_for": {"speech": True}}])
    mediasim_sandbox.run_until_idle()

def test_unknown(mediasim_sandbox):
    mediasim_sandbox.app({"/voice": "<Hangup/>"})
    helper(mediasim_sandbox)

def test_wrong(mediasim):
    mediasim.simulate(parties={"a": {"script": [{"sing": "la"}]}}, call={"from": "a", "to": "a"})
"""


@pytest.mark.usefixtures("little_patience")
def test_a_failed_sandbox_tells_what_it_saw(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_told=TOLD)
    result = pytester.runpytest_inprocess(*PLAIN)
    result.assert_outcomes(failed=5)
    _, *told = re.split(r"^_+ test_\w+ _+$", result.stdout.str(), flags=re.MULTILINE)
    ended, still, stuck, unknown, wrong = told
    saw = ended.partition("mediasim: what the sandbox saw")[2].partition("mediasim kept")[0]
    lines = [line[12:] for line in saw.splitlines() if line.startswith("    ")]
    lines = [re.sub(r"http://[\d.:]+", "", line) for line in lines]
    assert [line[:44] for line in lines] == [
        "the call begins",
        "POST /voice → 200 (twiml)",
        "warning 12200: cvc-complex-type.2.4.a: Inval",
        "answered",
        "<Say> on line 1: Hello.",
        "+14155550101: dialled",
        "<Dial> on line 2: +14155550101",
        "+14155550101: answered",
        "caller and bob are bridged",
        "completed after 1.5 s",
        "+14155550101: completed after 0.1 s",
        "POST /no → 404 (call-status): Got HTTP 404 r",
        "warning 15003: Call Progress: Warning Respon",
    ]
    assert "time stands still" not in ended
    assert "time stands still: run_until_idle() or advance(...) lets it pass; at 0.0s CA" in still
    assert "nothing more can happen (seen at" in stuck
    assert "now: caller has waited for speech True since 0.0s" in stuck
    assert "+14155550177 was not found: the app's numbers are: +15005550006" in unknown
    assert 'sandbox.call(to="+14155550177")' in unknown
    assert "helper(mediasim_sandbox)" in unknown
    assert "unknown step 'sing'" in wrong or "sing" in wrong
    for text in told:
        frames = re.findall(r"^(\S+\.py):\d+:", text, re.MULTILINE)
        assert set(frames) == {"test_told.py"}


def test_full_tracebacks_have_all_frames(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_told=TOLD)
    result = pytester.runpytest_inprocess(*PLAIN, "--full-trace", "-k", "unknown")
    assert "number_plan.py" in result.stdout.str()


def test_everything_is_kept_where_that_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_two=TWO)
    result = pytester.runpytest_inprocess(*PLAIN, "--mediasim-keep", "left")
    result.assert_outcomes(passed=1, failed=1)
    pages = sorted((pytester.path / "left").rglob("report.html"))
    assert [page.parents[1].name for page in pages] == [
        "test_two.py-test_bad",
        "test_two.py-test_good",
    ]
    found = kept(result.stdout.str())
    assert Path(found["report"]) in pages


def test_a_seed_is_everybody_s(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_seed(mediasim, mediasim_sandbox):
            run = mediasim.simulate(
                parties={"a": {"script": ["hangup"]}, "b": {}}, call={"from": "a", "to": "b"}
            )
            assert run.report["seed"] == 5
            assert mediasim_sandbox.service.exchange.seeds.seed == 5
        """
    )
    pytester.runpytest_inprocess(*PLAIN, "--mediasim-seed=5").assert_outcomes(passed=1)
    result = pytester.runpytest_inprocess(*PLAIN, "--mediasim-seed=five")
    result.stderr.fnmatch_lines(["*--mediasim-seed: expected a whole number*'five'*"])


def test_on_the_wall_clock_it_is_the_same(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_real(mediasim, mediasim_sandbox):
            run = mediasim.simulate(
                parties={"a": {"script": [{"tone": {"hz": 440, "for": "300ms"}}, "hangup"]},
                         "b": {}},
                call={"from": "a", "to": "b", "answer": "100ms", "recordings": ["dual"]},
            )
            assert run.report["clock"] == "real"
            mediasim_sandbox.app({"/voice": "<Hangup/>"})
            call = mediasim_sandbox.call()
            mediasim_sandbox.advance("100ms")
            mediasim_sandbox.run_until_idle()
            assert call.status == "completed"
        """
    )
    pytester.runpytest_inprocess(*PLAIN, "--mediasim-realtime").assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_with_pytest_asyncio_in_either_mode(pytester: pytest.Pytester, mode: str) -> None:
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    pytester.makepyfile(
        f"""
        import pytest
        {TWO.partition("def test_good")[0].replace(chr(10), chr(10) + "        ")}
        {mark}
        async def test_awaited(mediasim, mediasim_sandbox):
            run = await mediasim.simulate(SCENARIO)
            run.recording().assert_dual()
            mediasim_sandbox.app({{"/voice": "<Pause/>"}})
            call = mediasim_sandbox.call()
            await mediasim_sandbox.run_until_idle()
            assert call.status == "completed"
        """
    )
    scope = "asyncio_default_fixture_loop_scope=function"
    pytester.runpytest_inprocess(f"--asyncio-mode={mode}", "-o", scope).assert_outcomes(passed=1)


def test_workers_of_xdist_do_not_meet(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_many="""
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_box(mediasim_sandbox, number):
            mediasim_sandbox.app({"/voice": "<Pause/>"})
            call = mediasim_sandbox.call()
            mediasim_sandbox.run_until_idle()
            assert call.status == ("completed" if number else "busy")
        """
    )
    result = pytester.runpytest_inprocess(*ALONE, "-n", "2")
    result.assert_outcomes(passed=3, failed=1)
    assert Path(kept(result.stdout.str())["report"]).is_file()


def test_who_does_not_use_it_does_not_pay(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            ours = {name for name in sys.modules if name.startswith("mediasim")}
            assert ours == {"mediasim", "mediasim.pytest_plugin"}
        """
    )
    result = pytester.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=1)


def test_names_are_imported_when_asked_for() -> None:
    code = "import sys, mediasim.testing as it; assert 'numpy' not in sys.modules; it.Recording"
    subprocess.run([sys.executable, "-c", code], check=True)
