"""Twilio's Node SDK drives every resource; it brings its own app, and validates signatures."""

from __future__ import annotations

from pathlib import Path

import pytest
from node_programs import SDK_VERSIONS, run_node
from number_plan import ALICE, APP_NUMBER, BOB, BUSY, QUIET
from sandbox_process import Sandbox


@pytest.mark.parametrize("version", SDK_VERSIONS)
def test_the_node_sdk(sandbox: Sandbox, tmp_path: Path, version: str) -> None:
    program = Path(__file__).with_name("node_sdk.mjs")
    numbers = (APP_NUMBER, ALICE, BOB, QUIET, BUSY)
    printed = run_node(sandbox, program, tmp_path, *numbers, version=version)
    assert printed.startswith("done: ")
