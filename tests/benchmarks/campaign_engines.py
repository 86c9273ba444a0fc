"""The engines of campaigns beside the bare loop: rate, memory, and the digests of what they leave.

The bare loop makes the same shards one after the other in a process of its own, without engine,
proof, tries or progress; as many loops run side by side as an engine has workers. Both begin when
their workers are warm: imports, clips, call 0 and a first shard are printed apart, as the start.
Rates are in calls per second of the clock and per CPU-second, of all processes together, Ray's own
included; the ratios are what to compare. A shard has 20 calls, of half a minute in G.711, their
turns planned, and nothing is synthesised.

    python tests/benchmarks/campaign_engines.py [--shards 20] [--jobs N] [--runs 3] [--short]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mediasim.campaign import Campaign, begin_campaign, clips_of, load_campaign, make_shards
from mediasim.campaign.engines.engine import Engine, Result
from mediasim.campaign.engines.layout import Layout, Part
from mediasim.campaign.engines.on_ray import OnRay
from mediasim.campaign.engines.processes import Processes, cores
from mediasim.campaign.engines.shards_made import run_shards
from mediasim.campaign.engines.worker import CampaignPlace
from mediasim.campaign.shards import ShardDone, write_shard
from mediasim.campaign.storage import FolderStorage

CALLS = 20
"""Calls of a shard."""
SPEC = Path(__file__).parents[2] / "scenarios/campaigns/two-parties.yaml"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Spent:
    """What a piece of work took."""

    start: float
    """CPU-seconds until all workers were warm."""
    wall: float
    cpu: float
    memory: list[float]
    """Resident megabytes of the largest worker, after each shard."""


def campaign(shards: int, folder: Path, out: FolderStorage) -> Campaign:
    """The campaign that is shipped, longer, with its clips in a storage."""
    text = SPEC.read_text("utf-8").replace("calls: 100", f"calls: {shards * CALLS}")
    file = folder / "calls.yaml"
    file.write_text(text.replace("shard: 50", f"shard: {CALLS}"), "utf-8")
    spec = load_campaign(file)
    return Campaign(spec, spec.seed, clips_of(spec, spec.seed, out).clips)


# -- what processes cost --------------------------------------------------------------------------


def tree(root: int) -> Iterator[tuple[int, list[str]]]:
    """All processes below one, itself included, with the fields of their ``stat``."""
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            stats[int(entry.name)] = text.rpartition(")")[2].split()
    for pid, fields in stats.items():
        parent = pid
        while parent not in (root, 0, 1) and parent in stats:
            parent = int(stats[parent][1])
        if parent == root:
            yield pid, fields


def cpu_seconds(root: int) -> float:
    """CPU of all processes below one, and of those that have ended."""
    return sum(sum(map(int, fields[11:15])) for _, fields in tree(root)) / TICKS


def largest_megabytes(root: int) -> float:
    return max(int(fields[21]) * PAGE / 1e6 for pid, fields in tree(root) if pid != root)


# -- the work -------------------------------------------------------------------------------------


class Kept:
    """An engine that is not closed between two pieces of work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.submit: Callable[[int], None] = engine.submit
        self.next: Callable[[float], Result | None] = engine.next
        self.interrupt: Callable[[], Iterator[Result]] = engine.interrupt

    @property
    def room(self) -> int:
        return self.engine.room

    def close(self) -> None:
        """Leave it open."""


def by_engine(opened: Callable[[], Engine], warm: Sequence[int], shards: Sequence[int]) -> Spent:
    me = os.getpid()
    before = cpu_seconds(me)
    engine = opened()
    kept = Kept(engine)
    for made in run_shards(kept, warm):
        assert made is None or isinstance(made, ShardDone), made
    began, cpu, memory = time.monotonic(), cpu_seconds(me), []
    for made in run_shards(kept, shards):
        assert made is None or isinstance(made, ShardDone), made
        if made is not None:
            memory.append(largest_megabytes(me))
    wall, ended = time.monotonic() - began, cpu_seconds(me)
    engine.close()
    return Spent(cpu - before, wall, ended - cpu, memory)


def by_loops(folder: Path, shards: int, jobs: int, warm: int, out: Path) -> Spent:
    """As many bare loops as there are jobs, begun together when all are warm."""
    words = [sys.executable, __file__, "--loop", str(folder), str(shards), str(warm), str(out)]
    loops = [
        subprocess.Popen(
            [*words, f"{number + 1}/{jobs}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(jobs)
    ]
    for loop in loops:
        assert loop.stdout is not None
        loop.stdout.readline()
    began = time.monotonic()
    for loop in loops:
        assert loop.stdin is not None
        loop.stdin.write("\n")
        loop.stdin.flush()
    found = [json.loads(loop.communicate()[0]) for loop in loops]
    wall = time.monotonic() - began
    memory = max((each["memory"] for each in found), key=lambda each: float(each[-1]))
    return Spent(
        sum(each["start"] for each in found), wall, sum(each["cpu"] for each in found), memory
    )


def loop(folder: str, shards: str, warm: str, out: str, part: str) -> None:
    """One bare loop, in this process."""
    storage = FolderStorage(out)
    made = campaign(int(shards), Path(folder), storage)
    number = int(part.partition("/")[0]) - 1
    mine = Layout(int(shards) * CALLS, CALLS).part(Part.parse(part))
    write_shard(made, number, storage)
    start = time.process_time()
    print("warm", flush=True)
    sys.stdin.readline()
    began, memory = time.process_time(), []
    for shard in mine:
        if shard >= int(warm):
            write_shard(made, shard, storage)
            memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6)
    print(json.dumps({"start": start, "cpu": time.process_time() - began, "memory": memory}))


def digest(out: Path) -> str:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return sha256(b"".join(sha256(path.read_bytes()).digest() for path in files)).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shards", type=int, default=20, help="measured shards")
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    jobs, runs = options.jobs, 1 if options.short else options.runs
    shards = jobs * (2 if options.short else max(1, options.shards // jobs)) + jobs
    os.environ["MEDIASIM_SPEECH"] = "babble"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory(prefix="mediasim-engines-") as name:
        root = Path(name)
        spent: dict[str, list[Spent]] = {}
        digests: dict[str, set[str]] = {}

        def measured(what: str, work: Callable[[CampaignPlace, Path], Spent]) -> None:
            with tempfile.TemporaryDirectory(dir=root) as folder:
                out = FolderStorage(folder)
                document = begin_campaign(campaign(shards, root, out), out)
                place = CampaignPlace(folder, str(root), document["first_call"])
                spent.setdefault(what, []).append(took := work(place, Path(folder)))
                print(f"{what}: {took.wall:.1f} s, {took.cpu:.1f} CPU-s", flush=True)
                digests.setdefault(what, set()).add(digest(Path(folder)))

        warm, rest = range(jobs), range(jobs, shards)
        engines: dict[str, Callable[[CampaignPlace], Engine]] = {
            "processes": lambda place: Processes(place, jobs)
        }
        if find_spec("ray") is not None:
            engines["ray"] = OnRay
        for _ in range(runs):
            measured("bare loops", lambda _, out: by_loops(root, shards, jobs, jobs, out))
            for each, opened in engines.items():
                measured(each, lambda place, _: by_engine(lambda: opened(place), warm, rest))  # noqa: B023
        with tempfile.TemporaryDirectory(dir=root) as folder:
            out = FolderStorage(folder)
            made = campaign(shards, root, out)
            begin_campaign(made, out)
            layout = Layout(shards * CALLS, CALLS)
            for number in (2, 1):
                list(make_shards(made, out, layout.part(Part(number, 2))))
            digests["inline, two parts"] = {digest(Path(folder))}
        report(spent, len(rest) * CALLS, jobs)
        print("\ndigests:")
        for what, found in digests.items():
            print(f"  {what:18} {' '.join(sorted(found))}")
        assert len(set.union(*digests.values())) == 1, "engines leave other bytes"
        if "ray" not in engines:
            print("ray is not installed: pip install 'mediasim[ray]'")


def report(spent: dict[str, list[Spent]], calls: int, jobs: int) -> None:
    """Print medians, and each engine's ratio to the loops of the same round."""
    print(
        f"{calls} calls of 30 s in shards of {CALLS}, {jobs} workers, "
        f"{len(spent['processes'])} runs"
    )
    print(
        "| | calls/s | of the loops | calls per CPU-s | of the loops | start, CPU-s | memory, MB |"
    )
    print("|---|---|---|---|---|---|---|")
    bare = spent["bare loops"]

    def middle(values: Iterator[float]) -> float:
        return statistics.median(values)

    for what, each in spent.items():
        wall = middle(calls / one.wall for one in each)
        cpu = middle(calls / one.cpu for one in each)
        by_wall = middle(loop.wall / one.wall for one, loop in zip(each, bare, strict=True))
        by_cpu = middle(loop.cpu / one.cpu for one, loop in zip(each, bare, strict=True))
        start = middle(one.start for one in each)
        memory: Any = each[-1].memory
        print(
            f"| {what} | {wall:.1f} | {by_wall:.1%} | {cpu:.1f} | {by_cpu:.1%} | {start:.1f} | "
            f"{memory[0]:.0f} to {memory[-1]:.0f}, most {max(memory):.0f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--loop"]:
        loop(*sys.argv[2:])
    else:
        main()
