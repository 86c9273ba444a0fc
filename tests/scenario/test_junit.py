from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from report_samples import HOSTILE, expectation, failed_run, report, run

from mediasim.scenario.report.junit import write_junit
from mediasim.scenario.report.model import RunReport


def written(directory: Path, *runs: RunReport) -> ElementTree.Element:
    path = directory / "reports" / "junit.xml"
    write_junit(report(*runs), path)
    return ElementTree.parse(path).getroot()


def test_a_suite_for_each_run_with_the_run_and_its_expectations(tmp_path: Path) -> None:
    root = written(tmp_path, run(), failed_run(label="other"))

    assert root.attrib == {
        "name": "mediasim",
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "time": "0.040",
    }
    first, second = root.findall("testsuite")
    assert (first.get("name"), first.get("tests"), first.get("failures")) == (
        "support-call [codec=PCMU]",
        "2",
        "0",
    )
    assert [case.get("name") for case in second.findall("testcase")] == [
        "runs to its end",
        "1 channels: 2 channels",
        "2 aligned: within 0 samples",
    ]
    properties = {each.get("name"): each.get("value") for each in second.iter("property")}
    assert properties["seed"] == "7"


def test_a_failure_says_what_was_found_where_to_listen_and_how_to_repeat_it(
    tmp_path: Path,
) -> None:
    (failure,) = written(tmp_path, failed_run()).iter("failure")

    assert failure.get("message") == "alice's first clip stands 160 samples late"
    assert failure.get("type") == "aligned"
    assert failure.text == (
        "found:  alice's first clip stands 160 samples late\n"
        "wanted: within 0 samples\n"
        "listen: recordings/RE1.wav, channel 1, 2.500 s\n"
        "seed:   7\n"
        "repeat: mediasim run scenarios/support-call.yaml --seed 7"
    )


def test_a_run_that_broke_is_an_error_not_a_failure(tmp_path: Path) -> None:
    root = written(tmp_path, run(ok=False, error="no voice engine", expectations=[]))

    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "0", "1")
    (error,) = root.iter("error")
    assert error.get("message") == "no voice engine"
    assert error.text is not None
    assert "seed:   7" in error.text


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    failed = expectation(ok=False, check=HOSTILE, wanted=HOSTILE, found=HOSTILE)
    root = written(tmp_path, run(ok=False, label=HOSTILE, expectations=[failed]))

    assert {each.tag for each in root.iter()} == {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
    }
    (failure,) = root.iter("failure")
    assert failure.get("message") == HOSTILE.replace("\x1b", "")


@given(text=st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_gives_a_well_formed_file(text: str, tmp_path_factory: Any) -> None:
    failed = expectation(ok=False, found=text)
    root = written(tmp_path_factory.getbasetemp(), run(ok=False, error=text, expectations=[failed]))

    assert len(list(root.iter("failure"))) == 1
