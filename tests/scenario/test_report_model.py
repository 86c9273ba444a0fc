"""``report.json``: every key of it, in its order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mediasim.scenario.model.load import load_scenarios, parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runs import run_all

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOISE = {"noise": {"kind": "babble", "for": "1s", "level": -20}}
DOCUMENTS = ("truth_intervals", "figures", "parameters")
"""Keys whose values have keys of their own, told elsewhere."""

STREAM = (
    "direction codec sent received lost late duplicates reordered jitter_ms mos r "
    "fates(lost late reordered duplicated)"
)
CALL = (
    "sid name party from to direction parent_call_sid status started ringing answered ended "
    "rtcp(t bye packets_sent octets_sent fraction_lost cumulative_lost highest_sequence jitter) "
    f"streams({STREAM})"
)
APP = (
    "call kind sid call_sid name status direction url track parameters started ended error "
    "messages_sent messages_received audio_received_seconds log(at kind text) figures bot"
)
RECORDING = (
    "sid name file truth json status cut error_code channels stored_channels source track duration "
    "samples started why channel_map(channel leg party call_sid track role words) truth_intervals"
)
RUN = (
    "scenario file variant label description seed clock profile repeat ok error cut call_seconds "
    f"speed(wall_seconds cpu_seconds realtime_factor) calls({CALL}) apps({APP}) "
    f"recordings({RECORDING}) events(t kind subject text) "
    "expectations(ok check wanted found where(file channel time) repeat) pcap traceback"
)
REPORT = f"mediasim ok interrupted seed_note warnings wall_seconds runs({RUN})"


def keys_of(*documents: Any) -> str:
    """The keys of any of these objects, each with those of its values in parentheses."""
    found: dict[str, list[Any]] = {}
    for document in documents:
        for key, value in document.items():
            found.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    words = []
    for key, values in found.items():
        inner = keys_of(*(each for each in values if isinstance(each, dict)))
        words.append(f"{key}({inner})" if inner and key not in DOCUMENTS else key)
    return " ".join(words)


def call(ann: list[Any], bob: list[Any], **parts: Any) -> Scenario:
    parties = {"ann": {"script": ann}, "bob": {"script": bob}}
    placed = {"from": "ann", "to": "bob", "recording": "dual"}
    return parse_scenario({"parties": parties, "call": placed, **parts})


def test_the_keys_of_a_report(tmp_path: Path) -> None:
    files = [str(SCENARIOS / name) for name in ("conference.yaml", "voice-bot.yaml")]
    fails = call([NOISE], [NOISE], name="fails", expect=[{"channels": 1}])
    breaks = call([{"wait_for": {"speech": True}}], [], name="breaks")
    report = run_all([*load_scenarios(files), fails, breaks], tmp_path, pcap=True)
    written = report.write(tmp_path).read_text("utf-8")

    assert keys_of(json.loads(written)) == REPORT
