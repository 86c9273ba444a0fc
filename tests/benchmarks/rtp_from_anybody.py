"""Senders with several oddities at once: what of their frames stands in a recording.

``python tests/benchmarks/rtp_from_anybody.py [--draws N] [--first SEED] [--short]`` draws senders
by the generator that the tests use (``tests/rtp/odd_senders.py``), plays them and counts.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "rtp"))

from odd_senders import heard, odd_sender
from test_odd_senders import FRAMES
from test_playout import Bench

MOST_LOST = 1e-4
"""Share of frames that may be lost otherwise than the policy says: of beginnings only two packets
back, reordered while they begin."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args()
    draws = 400 if given.short else given.draws
    ways: set[tuple[str, ...]] = set()
    count: Counter[str] = Counter()
    for seed in range(given.first, given.first + draws):
        sender, bench = odd_sender(seed), Bench(max_block=FRAMES)
        played = bench.play(sender.datagrams, FRAMES, (seed % 97, 333, 334, 600))
        found = heard(sender, played, bench.stream.shifts)
        ways.add(tuple(sender.how.values()))
        count["frames"] += len(sender.frames)
        count["whole"] += found.whole
        count["cut"] += len(found.cut)
        count["alone"] += len(found.alone)
        count["lost"] += len(found.lost)
        count["wrong"] += bool(found.wrong)
        if found.lost or found.wrong:
            print(f"seed {seed}: {len(found.lost)} lost, {found.wrong}: {sender.how}", flush=True)
    print(f"{draws} senders, {len(ways)} combinations of oddities, {count['frames']} frames")
    print(f"{count['whole']} stand once, whole, in order and within the bound")
    print(f"{count['cut']} were cut by a logged step of the clock (10 ms)")
    print(f"{count['alone']} stood alone between two new beginnings and are lost by the policy")
    print(f"{count['lost']} were lost otherwise; {count['wrong']} senders were played wrongly")
    return 1 if count["lost"] + count["wrong"] > count["frames"] * MOST_LOST else 0


if __name__ == "__main__":
    sys.exit(main())
