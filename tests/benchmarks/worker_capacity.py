"""How many live calls ``serve --workers N`` carries: with one worker, and with more.

Simulated parties speak and listen in real time in the worker's own process, and each call is
recorded dual; calls are placed over the API until one is refused because there is no time left
(429, code 20429). Parties are most of the work, so a core carries some hundred such calls; what
counts is the ratio, which more cores than workers make better: the front and this program need
time too.

    python tests/benchmarks/worker_capacity.py [--short] [--workers 1 2]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from serving import Sandbox, serving

APP, ALICE, BOB = "+14155550100", "+14155550101", "+14155550102"
TWIML = f"<Response><Dial record='record-from-answer-dual'>{BOB}</Dial></Response>"
OVERLOADED = 20429
PLAN = """
parties:
  alice: {number: "+14155550101", script: [{repeat: {times: 60, steps: [TALK]}}], answer: 0s}
  bob: {number: "+14155550102", script: [{repeat: {times: 60, steps: [TALK]}}], answer: 0s}
""".replace("TALK", "{tone: {hz: 440, for: 2s}}, {pause: 1s}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    most = 40 if arguments.short else 2000
    carried = {}
    for workers in arguments.workers:
        with serving("--in-memory", "--config", str(_plan()), "--workers", str(workers)) as sandbox:
            carried[workers] = _fill(sandbox, most)
            busy = ", ".join(f"{share:.0%}" for share in _busy(sandbox))
            print(f"{workers} workers: {carried[workers]} calls carried; busy: {busy}", flush=True)
    first = carried[arguments.workers[0]]
    for workers, calls in carried.items():
        print(f"{workers} workers carry {calls / first:.2f} times what {arguments.workers[0]} do")
    return 0


def _plan() -> Path:
    file = Path(tempfile.mkdtemp(prefix="mediasim-workers-")) / "plan.yaml"
    file.write_text(PLAN, "ascii")
    return file


def _fill(sandbox: Sandbox, most: int) -> int:
    """Place calls, slower as time runs out, until one is refused; returns how many there were."""
    for number in range(most):
        if not _place(sandbox):
            return number
        time.sleep(0.5 if max(_busy(sandbox), default=0) > 0.7 else 0.1)
    return most


def _busy(sandbox: Sandbox) -> list[float]:
    """What share of its time each worker needs."""
    found: list[float] = sandbox.control("GET", "/health")["busy"]
    return found


def _place(sandbox: Sandbox) -> bool:
    answer = sandbox.rest("POST", "/Calls.json", To=ALICE, From=APP, Twiml=TWIML)
    if "sid" not in answer and answer["code"] != OVERLOADED:
        raise RuntimeError(f"the call was refused: {answer}")
    return "sid" in answer


if __name__ == "__main__":
    sys.exit(main())
