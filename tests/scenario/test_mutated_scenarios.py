"""Attacks on files that people write: scenarios and number plans with any bytes changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from attacks import figures, times

from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.config import load_config
from mediasim.scenario.model.load import load_scenarios
from mediasim.seeds import Seeds

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
PLAN = """
seed: 7
numbers:
  "+14155550100": {voice_url: "http://127.0.0.1:5000/voice", status_callback: http://127.0.0.1/s}
  "+14155550101": http://127.0.0.1:5000/other
parties:
  bob:
    number: "+14155550102"
    answer: 2s
    script:
      - {wait_for: other-stops}
      - {say: "hello there"}
      - hangup
default: {script: [{pause: 1.5s}, {dtmf: "1#"}]}
weather:
  - {webhook_drop: true, share: 10%}
"""
BITS = ("{", "}", "[", "]", ":", "- ", "&a ", "*a", "!!x ", "\t", "\0", "'", '"', "|", "1e999", "~")


def mutated(text: str, draw: np.random.Generator) -> bytes:
    """Some of its text changed, taken out, repeated, indented, or put elsewhere."""
    found = text
    for _ in range(int(draw.integers(1, 5))):
        at = int(draw.integers(0, len(found) + 1))
        size = int(draw.integers(1, 12))
        match int(draw.integers(0, 6)):
            case 0:
                found = found[:at] + found[at + size :]
            case 1:
                found = found[:at] + str(draw.choice(BITS)) + found[at:]
            case 2:
                found = found[:at] + found[at : at + 20 * size] * 2 + found[at + 20 * size :]
            case 3:
                found = found[:at] + "\n" + " " * size + found[at:]
            case 4:
                words = re.findall(r"[\w.+]+", found) or ["x"]
                found = found[:at] + str(draw.choice(words)) + found[at + size :]
            case _:
                found = found[:at] + found[at + size :].replace("\n", "\n" + " " * (size % 3), 1)
    data = found.encode()
    if draw.random() < 0.1:
        at = int(draw.integers(0, len(data) + 1))
        data = data[:at] + draw.bytes(3) + data[at:]
    return data


@pytest.mark.parametrize("kind", ["scenario", "plan"])
def test_an_attack_of_mutated_files_ends_in_sentences_with_their_lines(
    tmp_path: Path, kind: str
) -> None:
    texts = [each.read_text("utf-8") for each in SCENARIOS] if kind == "scenario" else [PLAN]
    path = tmp_path / "mutated.yaml"
    load: Callable[[], object] = (
        (lambda: load_scenarios([path])) if kind == "scenario" else (lambda: load_config(path))
    )
    path.write_text(texts[0], "utf-8")
    load()
    refused, tried = 0, times(60, 600)
    for number in range(tried):
        draw = Seeds(number).generator(kind)
        path.write_bytes(mutated(texts[number % len(texts)], draw))
        try:
            load()
        except ScenarioError as error:
            refused += 1
            for line in str(error).split("\n"):
                assert re.match(rf"{re.escape(str(path))}:\d+:\d+: \S", line), (number, line)
    assert refused > tried / 3
    figures(f"mutated files, {kind}", tried=tried, refused=refused, without_a_line=0, tracebacks=0)
