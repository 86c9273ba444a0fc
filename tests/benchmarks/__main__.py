"""All benchmarks: ``python tests/benchmarks [--short]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "virtual_speed.py",
    "realtime_capacity.py",
    "sandbox_speed.py",
    "worker_capacity.py",
    "channel_worth.py",
    "stream_capacity.py",
    "verify_accuracy.py",
    "verify_damage.py",
    "verify_speed.py",
    "speech_activity.py",
    "voices.py",
    "rtp_from_anybody.py",
    "campaign_engines.py",
)


def main() -> int:
    worst = 0
    for name in NAMES:
        print(f"== {name}", flush=True)
        command = [sys.executable, str(HERE / name), *sys.argv[1:]]
        worst = max(worst, subprocess.run(command, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
