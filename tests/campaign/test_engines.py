"""Engines: the same bytes by each, whatever is killed, interrupted or full on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from databases import s3_bucket
from typer.testing import CliRunner, Result

from mediasim.campaign import Campaign, begin_campaign, clips_of, make_shards, parse_campaign
from mediasim.campaign.engines.engine import Engine, Problem, ShardFailed
from mediasim.campaign.engines.engine import Result as Made
from mediasim.campaign.engines.inline import Inline
from mediasim.campaign.engines.layout import Layout, Part
from mediasim.campaign.engines.making import Making
from mediasim.campaign.engines.pace import Pace, pace_of
from mediasim.campaign.engines.processes import Processes
from mediasim.campaign.engines.shards_made import CampaignStopped, run_shards
from mediasim.campaign.engines.worker import CampaignPlace, make_shard
from mediasim.campaign.shards import ShardDone
from mediasim.campaign.storage import FolderStorage, Storage, open_storage
from mediasim.cli import app

SPEC: dict[str, Any] = {
    "calls": 7,
    "shard": 2,
    "conversation": {
        "texts": [f"This is sentence {number}." for number in range(5)],
        "turns": 2,
        "gaps": {"normal": {"mean": "100ms", "sd": "200ms"}},
    },
}
LAYOUT = Layout(7, 2)


@pytest.fixture(autouse=True)
def _babble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")


def campaign(out: Storage, **more: Any) -> Campaign:
    spec = parse_campaign(json.dumps(SPEC | more))  # as YAML, which files are
    return Campaign(spec, spec.seed, clips_of(spec, spec.seed, out).clips)


def begun(out: Storage, **more: Any) -> CampaignPlace:
    """Begin the campaign; return what workers are told of it."""
    return CampaignPlace(out.where, ".", begin_campaign(campaign(out, **more), out)["first_call"])


def making(out: Storage, only: Part | None = None) -> Making:
    return Making(out, LAYOUT, 1, lambda part: f"mediasim campaign --only {part}", only)


def digests(out: Storage) -> dict[str, str]:
    return {name: sha256(out.read(name)).hexdigest() for name in out.names()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the plain engine leaves."""
    out = FolderStorage(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIASIM_SPEECH", "babble")
        begun(out)
        assert [type(made) for made in make_shards(campaign(out), out, range(4))] == [ShardDone] * 4
    return digests(out)


# -- whatever happens, the same bytes -------------------------------------------------------------


def test_processes_go_on_where_parts_have_ended_and_one_may_be_killed(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    """The first part is made inline; of the rest, a worker is killed after its first shard."""
    out = FolderStorage(tmp_path)
    place = begun(out)
    part = making(out, Part(1, 4))
    part.run(lambda: Inline(campaign(out), out))
    assert (part.made, part.missing, part.pace.done) == (1, [], 2)
    rest = making(out)
    killed: list[int] = []

    def tell(_: Pace) -> None:
        if rest.made == 1 and not killed:
            killed.extend(workers_of(os.getpid()))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    rest.run(lambda: Processes(place, 1), tell)
    assert len(killed) == 1
    assert (rest.made, rest.failed, rest.missing) == (3, 0, [])
    assert digests(out) == whole
    assert workers_of(os.getpid()) == []


def workers_of(pid: int) -> list[int]:
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    found += [
        int(each)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for each in task.read_text().split()
    ]
    return [
        each for each in set(found) if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


KILLS_ITSELF = """
import os, signal, sys
from mediasim.campaign import Campaign, clips_of, make_shards, parse_campaign
from mediasim.campaign.storage import FolderStorage
spec, out = parse_campaign({spec!r}), FolderStorage({out!r})
made = Campaign(spec, spec.seed, clips_of(spec, spec.seed, out).clips)
call = made.call
made.call = lambda index: os.kill(os.getpid(), signal.SIGKILL) if index == 5 else call(index)
list(make_shards(made, out, range(4)))
"""


def test_a_killed_driver_loses_the_shard_that_it_was_at(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    out = FolderStorage(tmp_path)
    begun(out)
    program = KILLS_ITSELF.format(spec=json.dumps(SPEC), out=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", program], check=False, timeout=100)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "shards").glob(".*")
    resumed = making(out)
    assert not left.exists()
    assert resumed.missing == [2, 3]
    resumed.run(lambda: Inline(campaign(out), out))
    assert digests(out) == whole


def test_a_full_disk_ends_it_and_loses_nothing_that_was_whole(
    tmp_path: Path, whole: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = FolderStorage(tmp_path)
    begun(out)
    forced, limit = [0], 4

    def full(_: Any) -> None:
        forced[0] += 1
        if forced[0] > limit:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("mediasim.campaign.storage.folder._force", full)
        with pytest.raises(CampaignStopped, match=f"{tmp_path}: No space left on device"):
            making(out).run(lambda: Inline(campaign(out), out))
    kept = digests(out)
    assert kept.items() <= whole.items()
    assert [name for name in kept if name.endswith(".tar")] == [
        f"shards/calls-00000{shard}.tar" for shard in (0, 1)
    ]
    assert not list(tmp_path.rglob(".*"))
    making(out).run(lambda: Inline(campaign(out), out))
    assert digests(out) == whole


def test_a_call_that_was_interrupted_is_in_no_shard(tmp_path: Path, whole: dict[str, str]) -> None:
    out, made = FolderStorage(tmp_path), campaign(FolderStorage(tmp_path))
    begun(out)
    compose = made.composed

    def interrupted(index: int) -> Any:
        if index == 3:
            signal.raise_signal(signal.SIGINT)
        return compose(index)

    made.composed = interrupted  # type: ignore[method-assign]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            making(out).run(lambda: Inline(made, out))
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(out.names("shards/")) == [f"shards/calls-000000.{end}" for end in ("jsonl", "tar")]
    making(out).run(lambda: Inline(campaign(out), out))
    assert digests(out) == whole


def test_in_a_bucket_it_is_the_same(whole: dict[str, str]) -> None:
    with s3_bucket("calls") as url:
        out = open_storage(f"{url}/data")
        begun(out)
        making(out, Part(2, 2)).run(lambda: Inline(campaign(out), out))
        making(out, Part(1, 2)).run(lambda: Inline(campaign(out), out))
        assert digests(out) == whole


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
@pytest.mark.timeout(600)
def test_ray_leaves_the_same(tmp_path: Path, whole: dict[str, str]) -> None:
    from mediasim.campaign.engines.on_ray import OnRay

    out = FolderStorage(tmp_path)
    place = begun(out)
    making(out).run(lambda: OnRay(place))
    assert digests(out) == whole


# -- what is tried again, and given up ------------------------------------------------------------


class Scripted:
    """An engine whose results are written down: by shard, one after the other."""

    room = 3

    def __init__(self, results: dict[int, Sequence[ShardDone | Problem | type[BaseException]]]):
        self.results = {shard: deque(each) for shard, each in results.items()}
        self.given: list[int] = []
        self.running: deque[int] = deque()
        self.closed = False

    def submit(self, shard: int) -> None:
        self.given.append(shard)
        self.running.append(shard)

    def next(self, seconds: float) -> Made | None:
        shard = self.running.popleft()
        made = self.results[shard].popleft()
        if isinstance(made, type):
            raise made
        return shard, made

    def interrupt(self) -> Iterator[Made]:
        for shard in self.running:
            yield shard, done(shard)

    def close(self) -> None:
        self.closed = True


def done(shard: int) -> ShardDone:
    return ShardDone(shard, 2, 1.0, 1)


DIED = Problem("its process was killed")


def test_a_shard_is_tried_three_times_after_all_others(tmp_path: Path) -> None:
    engine = Scripted({0: [DIED, DIED, done(0)], 1: [DIED] * 3, 2: [done(2)], 3: [done(3)]})
    made = list(run_shards(engine, range(4)))
    assert made == [done(2), done(3), done(0), ShardFailed(1, "its process was killed")]
    assert engine.given == [0, 1, 2, 3, 0, 1, 0, 1]
    assert engine.closed


def test_what_was_done_when_it_is_interrupted_or_stopped_counts() -> None:
    for ending, error in ((KeyboardInterrupt, KeyboardInterrupt), (FULL, CampaignStopped)):
        engine = Scripted({0: [done(0)], 1: [ending], 2: [], 3: []})
        shards = run_shards(engine, range(4))
        assert [next(shards) for _ in range(3)] == [done(0), done(2), done(3)]
        with pytest.raises(error):
            next(shards)
        assert engine.closed


FULL = Problem("/data: No space left on device", fatal=True)


def test_a_shard_given_up_is_listed_until_it_is_made(tmp_path: Path) -> None:
    """Two runs that share a folder list what each has given up."""
    out = FolderStorage(tmp_path)
    begun(out)
    broken = campaign(out)
    call = broken.call

    def broken_call(index: int) -> Any:
        if index in (3, 4):
            raise RuntimeError(f"call {index} cannot end")
        return call(index)

    broken.call = broken_call  # type: ignore[method-assign]
    for number in (1, 2):
        run = making(out, Part(number, 2))
        run.run(lambda: Inline(broken, out))
        assert (run.failed, run.missing) == (1, [{1: 2, 2: 1}[number]])
    listed = [json.loads(line) for line in out.read("failed.jsonl").splitlines()]
    assert [each.pop("traceback").splitlines()[-1] for each in listed] == [
        f"RuntimeError: call {index} cannot end" for index in (3, 4)
    ]
    assert listed[0] == {
        "shard": 1,
        "seed": 1,
        "first": 2,
        "last": 3,
        "error": "RuntimeError: call 3 cannot end",
        "tries": 3,
        "command": "mediasim campaign --only 2/4",
    }
    assert [each["shard"] for each in listed] == [1, 2]
    making(out, LAYOUT.alone(1)).run(lambda: Inline(campaign(out), out))
    assert len(out.read("failed.jsonl").splitlines()) == 1
    making(out).run(lambda: Inline(campaign(out), out))
    assert not list(out.names("failed"))


# -- who may go on --------------------------------------------------------------------------------


def test_a_worker_whose_call_0_differs_makes_nothing(tmp_path: Path) -> None:
    out = FolderStorage(tmp_path)
    begun(out)
    document = json.loads(out.read("campaign.json"))
    document["first_call"] = "0" * 64
    out.put("campaign.json", json.dumps(document).encode())
    place = CampaignPlace(out.where, ".", "0" * 64)
    with pytest.raises(CampaignStopped, match=r"call 0 .* differs .* numpy"):
        list(run_shards(OneByOne(partial(make_shard, place)), range(4)))
    assert not list(out.names("shards/"))
    nowhere = make_shard(CampaignPlace(str(tmp_path / "nowhere"), ".", ""), 0)
    assert isinstance(nowhere, Problem)
    assert nowhere.fatal
    assert "a worker cannot read campaign.json" in nowhere.error


class OneByOne(Inline):
    """The plain engine, by what workers do."""

    def __init__(self, make: Callable[[int], ShardDone | Problem]) -> None:
        self._make = make
        self._waiting: deque[int] = deque()

    def next(self, seconds: float) -> Made | None:
        shard = self._waiting.popleft()
        return shard, self._make(shard)


def mediasim(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ("campaign", *arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_goes_on_with_its_own_campaign_and_no_other(
    tmp_path: Path, whole: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = tmp_path / "calls.yaml"
    spec.write_text(json.dumps(SPEC))
    out = FolderStorage("out")
    begun(out)
    making(out, Part(1, 2)).run(lambda: Inline(campaign(out), out))

    def killed(place: CampaignPlace, jobs: int) -> Engine:
        assert jobs == 3
        return Scripted({1: [done(1)], 3: [KeyboardInterrupt]})

    with monkeypatch.context() as patch:
        patch.setattr("mediasim.campaign.engines.processes.Processes", killed)
        interrupted = mediasim("calls.yaml", "--out", "out", "--jobs", "3")
        assert interrupted.exit_code == 130, interrupted.stderr
        assert interrupted.stderr == (
            "interrupted: 4 of 7 calls are whole in out; "
            "to go on: mediasim campaign calls.yaml --out out --jobs 3\n"
        )
        patch.setattr(
            "mediasim.campaign.engines.processes.Processes",
            lambda place, jobs: Scripted({1: [DIED] * 3, 3: [DIED] * 3}),
        )
        given_up = mediasim("calls.yaml", "--out", "out")
        assert given_up.exit_code == 3
        assert "2 shards could not be made, though tried three times" in given_up.stderr
        (first, _) = map(json.loads, Path("out/failed.jsonl").read_text().splitlines())
        assert first["command"] == "mediasim campaign calls.yaml --out out --only 2/4"
        status = mediasim("--status", "out").stdout.splitlines()
        assert status[0].startswith("4 of 7 calls")
        assert status[1:] == ["2 of 4 shards are whole", "2 shards given up: see failed.jsonl"]
        patch.setattr(
            "mediasim.campaign.engines.processes.Processes",
            lambda place, jobs: Scripted({1: [FULL], 3: [done(3)]}),
        )
        full = mediasim("calls.yaml", "--out", "out")
        assert full.exit_code == 3
        assert full.stderr.startswith("/data: No space left on device\n4 of 7 calls are whole")
        patch.setattr(
            "mediasim.campaign.engines.processes.Processes",
            lambda place, jobs: OneByOne(partial(make_shard, place)),
        )
        made = mediasim("calls.yaml", "--out", "out")
        assert (made.exit_code, made.stdout) == (0, "7 of 7 calls are in out\n")
    kept = digests(out)
    assert {"README.md", "report.html", "report.json"} <= kept.keys()  # once all is there
    assert {name: it for name, it in kept.items() if name in whole} == whole
    spec.write_text(json.dumps(SPEC | {"calls": 5}))
    for arguments, words in (
        (("--seed", "2"), "it was begun with seed 1, here it is 2; name another --out"),
        ((), "was begun with 7 calls, here there are to be 5"),
        (("--only", "3/2"), "--only: expected i/n"),
        (("--ray", "--jobs", "2"), "--jobs is for one machine"),
    ):
        refused = mediasim("calls.yaml", "--out", "out", *arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr
    spec.write_text(json.dumps(SPEC | {"conversation": {**SPEC["conversation"], "turns": 3}}))
    assert "its spec says something else" in mediasim("calls.yaml", "--out", "out").stderr
    assert mediasim("--status", "nowhere").exit_code == 2


def test_a_campaign_can_be_made_longer(tmp_path: Path) -> None:
    out, longer = FolderStorage(tmp_path), FolderStorage(tmp_path / "longer")
    begun(out)
    list(make_shards(campaign(out), out, range(4)))
    for storage in (out, longer):
        begun(storage, calls=8)
        list(make_shards(campaign(storage, calls=8), storage, range(4)))
    assert {name: each for name, each in digests(out).items() if "/" not in name} == {
        "campaign.json": digests(longer)["campaign.json"]
    }
    tar = "shards/calls-000003.tar"
    assert out.read(tar) == longer.read(tar)


# -- how fast, and whose --------------------------------------------------------------------------


def test_parts_share_the_shards_out() -> None:
    layout = Layout(1001, 10)
    parts = [layout.part(Part(number, 7)) for number in range(1, 8)]
    assert sorted(shard for part in parts for shard in part) == list(range(101))
    assert list(layout.part(layout.alone(100))) == [100]
    assert len(layout.indexes(100)) == 1
    assert list(Layout(10, 10).part(Part(2, 2))) == []


@pytest.mark.parametrize(
    ("times", "now", "rate", "idle"),
    [
        ([], 100, None, None),
        ([50], 100, None, None),
        ([10 * each for each in range(30)], 291, 1.0, None),
        # Eight workers that finish together.
        ([each // 8 * 80 for each in range(32)], 250, 1.0, None),
        # A run of yesterday, and one of today.
        ([*range(20), *(90_000 + 10 * each for each in range(10))], 90_095, 1.0, None),
        ([10 * each for each in range(30)], 890, None, 600),
    ],
)
def test_the_pace_is_that_of_the_shards_lately(
    times: list[float], now: float, rate: float | None, idle: float | None
) -> None:
    pace = pace_of({shard: (time, 10) for shard, time in enumerate(times)}, 1000, now)
    assert pace.rate == pytest.approx(rate)
    assert pace.idle == idle
    assert pace.done == 10 * len(times)
    assert pace.left == (None if rate is None else pytest.approx(1000 - pace.done))
