"""A disk that is full, or a folder that is gone: calls go on, new ones are refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import Sandbox, app, eventually, serving

from mediasim.audio.wav import read_wav
from mediasim.media.spool import LONGEST_WAIT, SpoolFile
from mediasim.truth.verify.verify import verify

PCM = np.arange(1, 16001, dtype=np.int16).reshape(8000, 2)
PLAN = """
parties:
  bob:
    number: "+14155550101"
    script: [{noise: {kind: white, for: 30s, level: -20}}]
"""


class Disk:
    """Takes so many bytes more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = 1 << 40
        self._write = os.pwrite
        monkeypatch.setattr(os, "pwrite", self._pwrite)

    def _pwrite(self, descriptor: int, data: bytes, position: int) -> int:
        if not self.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = memoryview(data)[: self.free]
        self.free -= len(taken)
        return self._write(descriptor, taken, position)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("free", [0, 1, 40, 44, 45, 46, 1000, 31_999, 32_044])
def test_what_a_full_disk_does_not_take_is_written_once_there_is_room(
    tmp_path: Path, disk: Disk, free: int
) -> None:
    disk.free = free
    spool = SpoolFile(tmp_path, "RE1", 2, {})
    for _ in range(3):
        spool.write(PCM)
    with pytest.raises(OSError, match="No space left"):
        spool.finish()
    disk.free = 1 << 40
    spool.write(PCM)
    assert spool.error is None
    spool.finish()
    assert np.array_equal(read_wav(spool.path).pcm, np.tile(PCM, (4, 1)).T)
    assert spool.unwritten == []


def test_what_waits_too_long_is_silence_at_its_place(tmp_path: Path, disk: Disk) -> None:
    spool = SpoolFile(tmp_path, "RE1", 2, {})
    spool.write(PCM)
    disk.free = 0
    seconds = LONGEST_WAIT // 8000 + 5
    for _ in range(seconds):
        spool.write(PCM)
    disk.free = 1 << 40
    spool.finish()
    found = read_wav(spool.path).pcm.T.reshape(seconds + 1, 8000, 2)
    assert spool.unwritten == [(8000, 6 * 8000)]
    assert not found[1:6].any()
    assert all(np.array_equal(each, PCM) for each in (found[0], *found[6:]))


def test_a_spool_whose_folder_is_removed_is_put_back_whole(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "spool", "RE1", 2, {})
    spool.write(PCM)
    shutil.rmtree(tmp_path / "spool")
    spool.write(PCM)
    spool.finish()
    assert np.array_equal(read_wav(spool.path).pcm, np.tile(PCM, (2, 1)).T)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system of limited size cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def placed(sandbox: Sandbox, url: str, seconds: int) -> Any:
    return sandbox.rest(
        "POST",
        "/Calls.json",
        To="+14155550101",
        From="+14155550123",
        Twiml=f"<Response><Pause length='{seconds}'/></Response>",
        Record="true",
        RecordingChannels="dual",
        RecordingStatusCallback=f"{url}/done",
    )


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"\0" * 4096)


@pytest.mark.realtime
def test_a_full_disk_ends_no_call_and_its_recordings_are_published_once_there_is_room(
    tmp_path: Path,
) -> None:
    disk, plan = tmp_path / "disk", tmp_path / "plan.yaml"
    plan.write_text(PLAN, "utf-8")
    with small_disk(disk, "6m"), app() as user:
        options = ("--data", str(disk / "data"), "--config", str(plan), "--quiet")
        with serving(*options) as sandbox:
            made = [placed(sandbox, user.url, 8)["sid"] for _ in range(4)]
            spool = disk / "data" / "spool"
            eventually(lambda: len(list(spool.glob("*.part"))) == 4)
            ballast = disk / "ballast"
            fill(ballast)
            eventually(lambda: bool(sandbox.control("GET", "/health")["status"] == "degraded"))
            assert "full" in sandbox.control("GET", "/health")["storage"]
            refused = placed(sandbox, user.url, 1)
            assert (refused["status"], refused["code"]) == (503, 20503)
            assert "full" in refused["message"]

            def ended() -> bool:
                calls = sandbox.control("GET", "/calls")["calls"]
                return all(each["status"] == "completed" for each in calls)

            eventually(ended)
            listed = sandbox.control("GET", "/recordings")["recordings"]
            statuses = {each["status"] for each in listed}
            # A small document may find the last bytes that there are.
            assert "processing" in statuses <= {"processing", "completed"}
            ballast.unlink()
            eventually(lambda: len(user.of("/done")) == 4)
            eventually(lambda: bool(sandbox.control("GET", "/health")["status"] == "ok"))
            assert placed(sandbox, user.url, 0)["status"] == "queued"
            sandbox.end()
            assert sandbox.process.returncode == 0
            assert sandbox.process.stderr is not None
            log = sandbox.process.stderr.read().splitlines()
            assert "Traceback" not in "".join(log)
            assert 1 <= len(log) < 60, log
        assert {each["CallSid"] for each in user.of("/done")[:4]} == set(made)
        for told in user.of("/done")[:4]:
            wav = disk / "data" / "recordings" / f"{told['RecordingSid']}.wav"
            assert read_wav(wav).pcm.shape[1] > 7 * 8000
            assert verify(wav).exit_code == 0


@pytest.mark.realtime
def test_a_folder_removed_under_it_ends_no_call_and_loses_no_recording(tmp_path: Path) -> None:
    data, plan = tmp_path / "data", tmp_path / "plan.yaml"
    plan.write_text(PLAN, "utf-8")
    with app() as user, serving("--data", str(data), "--config", str(plan)) as sandbox:
        made = placed(sandbox, user.url, 5)["sid"]
        eventually(lambda: any(p.stat().st_size > 44 for p in data.glob("spool/*.part")))
        shutil.rmtree(data)
        health = sandbox.control("GET", "/health")
        assert health["status"] == "degraded"
        assert "removed" in health["storage"]
        assert placed(sandbox, user.url, 1)["status"] == 503
        eventually(lambda: len(user.of("/done")) == 1)
        [told] = user.of("/done")
        assert told["CallSid"] == made
        wav = data / "recordings" / f"{told['RecordingSid']}.wav"
        assert read_wav(wav).pcm.shape[1] > 4 * 8000
        assert json.loads(wav.with_suffix(".json").read_text("utf-8"))["status"] == "completed"
        assert verify(wav).exit_code == 0
        sandbox.end()
        assert sandbox.process.returncode == 0
