"""Proves the images where no Docker engine runs: their steps are done in a clean Debian root.

    python docker/prove.py [--bind DIR]...

As root, with debootstrap, on the kernel's namespaces alone: each image's instructions are carried
out in a fresh root that has no more than the base image has (Debian, Python, pip), then both are
started as ``compose.yaml`` has it, in a network of their own. The health check has to pass, alice
calls the app, and the app has to fetch her message. The sandbox must not be root's, must end when
told to, and must know its recording when it is started again. ``--bind`` names folders to be seen
inside too, for those whose pip installs from some. Needs PyYAML, which mediasim brings along.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time  # noqa: TID251 - the real one: it waits for processes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent
SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
"""The Debian that Python 3.11 is of."""
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PATIENCE = 60.0
"""Seconds that anything may take but installing."""


class Failed(Exception):
    """It is not proven; says what went wrong."""


# -- Dockerfiles ----------------------------------------------------------------------------------


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """(instruction, what stands behind it)."""


def read_dockerfile(text: str) -> list[Stage]:
    """The stages of a Dockerfile. Raises Failed for what is no instruction it knows."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    stages: list[Stage] = []
    for line in filter(str.strip, joined.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip()))
        elif word in _KNOWN and stages:
            stages[-1].steps.append((word, rest.strip()))
        else:
            raise Failed(f"this proof knows no instruction {word}: {line}")
    return stages


_KNOWN = {
    "COPY",
    "RUN",
    "ENV",
    "USER",
    "WORKDIR",
    "VOLUME",
    "EXPOSE",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}


@dataclass
class Image:
    """A root with everything that a stage says of it."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH, "HOME": "/root"})
    user: str = "root"
    workdir: str = "/"
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def command(self, words: Sequence[str], env: dict[str, str], *, user: str = "") -> list[str]:
        """What carries out a command inside."""
        given = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        who = self._ids(user or self.user)
        inside = ["env", "-i", f"--chdir={self.workdir}", *given, *words]
        return ["chroot", f"--userspec={who}", str(self.root), *inside]

    def _ids(self, user: str) -> str:
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == user:
                return f"{uid}:{gid}"
        raise Failed(f"USER {user}: the image has no such user")


class Builder:
    """Builds images from a clean root."""

    def __init__(self, folder: Path, binds: Sequence[Path]) -> None:
        self._folder = folder
        self._binds = binds
        self._clean = folder / "clean"
        self._roots = 0

    def clean_root(self) -> None:
        """What FROM python:3.11-slim stands for."""
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE]
        _do([*command, str(self._clean), MIRROR], "debootstrap")
        (self._clean / "usr/bin/python").symlink_to("python3")
        for note in self._clean.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            note.unlink()  # an image's Python is its own
        for name in ("etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
            if Path("/", name).is_file():
                shutil.copyfile(Path("/", name), self._clean / name)

    def build(self, dockerfile: Path, context: Path) -> Image:
        """Carry out every stage; returns the last one's image."""
        images: dict[str, Image] = {}
        image: Image | None = None
        for stage in read_dockerfile(dockerfile.read_text()):
            if stage.base != "python:3.11-slim":
                raise Failed(f"FROM {stage.base}: this proof has python:3.11-slim alone")
            image = Image(self._folder / f"root-{self._roots}")
            self._roots += 1
            _do(["cp", "-a", str(self._clean), str(image.root)], "cp")
            for folder in self._binds:
                (image.root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
            images[stage.name] = image
            for word, rest in stage.steps:
                say(f"  {word} {rest[:100]}")
                self._step(image, word, rest, context, images)
        assert image is not None
        return image

    def _step(
        self, image: Image, word: str, rest: str, context: Path, images: dict[str, Image]
    ) -> None:
        match word:
            case "RUN":
                pip = {name: value for name, value in os.environ.items() if name[:4] == "PIP_"}
                command = image.command(["/bin/sh", "-ec", rest], pip)
                _do(_in_namespaces(command, image.root, self._binds), f"RUN {rest}")
            case "COPY":
                _copy(image, rest, context, images)
            case "ENV":
                for pair in shlex.split(rest):
                    name, _, value = pair.partition("=")
                    image.env[name] = value
            case "USER":
                image.user = rest
                image.env["HOME"] = f"/home/{rest}"
            case "WORKDIR":
                image.workdir = rest
                (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "VOLUME":
                image.volumes += shlex.split(rest)
            case "HEALTHCHECK":
                image.health = json.loads(rest.partition("CMD ")[2])
            case "ENTRYPOINT":
                image.entrypoint = json.loads(rest)
            case "CMD":
                image.cmd = json.loads(rest)


def _copy(image: Image, rest: str, context: Path, images: dict[str, Image]) -> None:
    words = shlex.split(rest)
    source = context
    if words[0].startswith("--from="):
        source = images[words.pop(0).removeprefix("--from=")].root
    *names, target = words
    to = image.root / Path(image.workdir, target).relative_to("/")
    for name in names:
        found = source / name.lstrip("/")
        if not found.exists():
            raise Failed(f"COPY {rest}: there is no {found}")
        if found.is_dir():  # its contents, as COPY has it
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(found, to, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            into = to / found.name if target.endswith("/") else to
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, into)


# -- namespaces -----------------------------------------------------------------------------------


def _in_namespaces(
    command: Sequence[str],
    root: Path,
    binds: Sequence[Path] = (),
    *,
    writable: Sequence[str] | None = None,
) -> list[str]:
    """A command with mounts and processes of its own; whatever it starts ends with it.

    ``writable``: the folders of a root that is read-only otherwise.
    """
    mounts = [f"mount --bind {root} {root}"]
    mounts += [f"mount --bind {root}{folder} {root}{folder}" for folder in writable or ()]
    mounts += ["mount -o remount,bind,ro " + str(root)] if writable is not None else []
    mounts += [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
    mounts += [f"mount --bind {folder} {root}{folder}" for folder in binds]
    script = " && ".join([*mounts, f"exec {shlex.join(command)}"])
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return [*own, "/bin/sh", "-c", script]


@contextlib.contextmanager
def _network() -> Iterator[list[str]]:
    """A network of their own, with nothing but this machine in it; what a command enters it by."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as holder:
        try:
            enter = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
            _wait("a network", lambda: _is_apart(holder.pid))
            _do([*enter, "ip", "link", "set", "lo", "up"], "ip link")
            yield enter
        finally:
            holder.kill()


def _is_apart(pid: int) -> bool:
    return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


class Container:
    """An image that runs."""

    def __init__(
        self, image: Image, service: dict[str, Any], network: Sequence[str], names: Sequence[str]
    ) -> None:
        """As a service of a compose file, whose names are all this machine."""
        self.image = image
        self._network = network
        self._env = {name: str(value) for name, value in service.get("environment", {}).items()}
        for volume in service.get("volumes", ()):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                into = image.root / target.lstrip("/")
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(FOLDER / source, into)
        (image.root / "etc/hosts").write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
        words = [*image.entrypoint, *service.get("command", image.cmd)]
        writable = [*image.volumes, *service.get("tmpfs", ())]
        command = _in_namespaces(
            image.command(words, self._env),
            image.root,
            writable=writable if service.get("read_only") else None,
        )
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives on
        self._process = subprocess.Popen(
            [*network, *command], stdout=self.output, stderr=subprocess.STDOUT
        )

    def said(self) -> str:
        self.output.flush()
        self.output.seek(0)
        return self.output.read()

    def healthy(self) -> bool:
        if self._process.poll() is not None:
            raise Failed(f"it has ended:\n{self.said()}")
        return self.inside(*self.image.health).returncode == 0

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What ``docker exec`` does."""
        command = [*self._network, *self.image.command(words, self._env)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    def told(self, *words: str) -> str:
        done = self.inside(*words)
        if done.returncode:
            raise Failed(f"{shlex.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def first(self) -> int:
        """Its first process, as this machine counts them."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return int(children.split()[0])

    def stop(self) -> float:
        """What ``docker stop`` does; returns how long it took."""
        began = time.monotonic()
        os.kill(self.first(), signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failed(f"it does not end when it is told to:\n{self.said()}") from None
        return time.monotonic() - began

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


# -- the proof ------------------------------------------------------------------------------------


def prove(folder: Path, binds: Sequence[Path]) -> None:
    """Build both images, and try them out. Raises Failed."""
    builder = Builder(folder, binds)
    say("a clean Debian root")
    builder.clean_root()
    say("the sandbox's image")
    sandbox = builder.build(FOLDER / "Dockerfile", PROJECT)
    size = _megabytes(sandbox.root / "opt/mediasim")
    say("the example app's image")
    app = builder.build(FOLDER / "example-app/Dockerfile", FOLDER / "example-app")
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    with _network() as network:
        _try_out(sandbox, app, services, network)
    say(f"proven; on its base the sandbox's image adds {size} MB")


def _try_out(
    sandbox_image: Image, app_image: Image, services: dict[str, Any], network: Sequence[str]
) -> None:
    def start(image: Image, name: str) -> Container:
        running = Container(image, services[name], network, list(services))
        stopping.callback(running.kill)
        return running

    with contextlib.ExitStack() as stopping:
        say("the sandbox")
        sandbox = start(sandbox_image, "sandbox")
        _wait("its health check to pass", sandbox.healthy)
        user = next(
            line.split()[1]
            for line in Path(f"/proc/{sandbox.first()}/status").read_text().splitlines()
            if line.startswith("Uid:")
        )
        if user == "0":
            raise Failed("the sandbox runs as root")
        say(f"  healthy, as user {user}")

        app = start(app_image, "app")
        _wait("the app", lambda: "Running on" in app.said())
        placed = sandbox.told("mediasim", "call", "+14155550100", "--from", "alice").strip()
        _wait("the app to fetch a message", lambda: "bytes of WAV" in app.said(), app.said)
        say(f"  call {placed}: {re.findall('a message of .*', app.said())[0]}")

        _wait("the call's end", lambda: "completed" in sandbox.told("mediasim", "calls"))
        before = sandbox.told("mediasim", "recordings")
        say(f"  told to stop, it has ended after {sandbox.stop():.1f} s")
        again = start(sandbox_image, "sandbox")
        _wait("its health check to pass again", again.healthy)
        if again.told("mediasim", "recordings") != before:
            raise Failed("started again, it does not know its recording any more")
        say("  started again, it knows its recording")
        again.stop()


def _wait(what: str, happened: Any, said: Any = lambda: "") -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > until:
            raise Failed(f"waited in vain for {what}\n{said()}")
        time.sleep(0.2)


def _do(command: Sequence[str], what: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode:
        raise Failed(f"{what}: exit code {done.returncode}\n{done.stdout[-4000:]}")


def _megabytes(folder: Path) -> int:
    found = (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
    return round(sum(path.stat().st_size for path in found) / 1e6)


def say(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    """Exit code 0: proven; 1: not; 2: it cannot be tried here."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bind", type=Path, action="append", default=[], metavar="DIR")
    binds = parser.parse_args().bind
    lacking = [name for name in ("debootstrap", "unshare", "nsenter", "ip") if not _have(name)]
    if os.geteuid() != 0 or lacking:
        print(f"this takes root, and: {', '.join(lacking) or 'nothing more'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mediasim-image-") as name:
        try:
            prove(Path(name), [bind.resolve() for bind in binds])
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


def _have(program: str) -> bool:
    return shutil.which(program) is not None


if __name__ == "__main__":
    sys.exit(main())
