"""What ``docker/`` says, held against what there is; ``docker/prove.py`` builds it in earnest."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from mediasim.sandbox.config import load_config
from mediasim.testing import MediasimSandbox

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PROGRAMS = sysconfig.get_path("scripts")


def module_of(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


PROVE = module_of(DOCKER / "prove.py")
CONTEXTS = {DOCKER / "Dockerfile": ROOT, DOCKER / "example-app/Dockerfile": DOCKER / "example-app"}


def steps(dockerfile: Path) -> list[tuple[str, str]]:
    """The last stage's."""
    found: list[tuple[str, str]] = PROVE.read_dockerfile(dockerfile.read_text())[-1].steps
    return found


def said(word: str, dockerfile: Path = DOCKER / "Dockerfile") -> str:
    return [rest for each, rest in steps(dockerfile) if each == word][-1]


def compose(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text())
    return found


# -- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("dockerfile", CONTEXTS, ids=lambda path: str(path.relative_to(DOCKER)))
def test_everything_that_is_copied_is_there(dockerfile: Path) -> None:
    admitted = ["*"]
    ignore = dockerfile.with_name("Dockerfile.dockerignore")
    if ignore.is_file():
        admitted = [line[1:] for line in ignore.read_text().splitlines() if line[:1] == "!"]
    for stage in PROVE.read_dockerfile(dockerfile.read_text()):
        for word, rest in stage.steps:
            if word == "COPY" and not rest.startswith("--from="):
                *names, _ = shlex.split(rest)
                for name in names:
                    assert (CONTEXTS[dockerfile] / name).exists()
                    assert any(fnmatch(name, each) for each in admitted)


@pytest.mark.parametrize("dockerfile", CONTEXTS, ids=lambda path: str(path.relative_to(DOCKER)))
def test_nobody_is_root(dockerfile: Path) -> None:
    made = next(rest for word, rest in steps(dockerfile) if word == "RUN" and "useradd" in rest)
    assert f" {said('USER', dockerfile)}" in made
    assert re.search(r"--uid [1-9][0-9]{3,}", made)


def test_its_state_is_in_the_volume() -> None:
    assert json.loads(said("CMD"))[-2:] == ["--data", said("VOLUME")]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.shared.yaml", "compose.scaled.yaml"])
def test_compose_files_fit_together(name: str) -> None:
    file = compose(name)
    for each in file["services"].values():
        assert set(each.get("depends_on", ())) <= set(file["services"])
        assert re.fullmatch(r"[a-z0-9/-]+(:[0-9]+)?", each.get("image", "built"))
        for volume in each.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DOCKER / source).is_file() if source[0] == "." else source in file["volumes"]
        for port in each.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "it asks nobody for a password"
        if "build" in each:
            built = each["build"]
            context, given = (built, "Dockerfile") if isinstance(built, str) else built.values()
            assert (DOCKER / context / given).resolve() in CONTEXTS


def test_sandboxes_side_by_side_have_a_place_each() -> None:
    """Places, addresses, schemas and prefixes of the compose file agree with those of nginx."""
    file, servers = compose("compose.scaled.yaml"), (DOCKER / "nginx/mediasim-servers.inc")
    listed = re.findall(r"(?m)^server ([0-9.]+:8080) max_fails=0;$", servers.read_text())
    schemas = (DOCKER / "scaled/schemas.sql").read_text()
    plan = load_config(DOCKER / "scaled/plan.yaml")
    assert (plan.account.sid, plan.account.auth_token) != (None, None)
    for place, address in enumerate(listed):
        service = file["services"][f"sandbox{place}"]
        words = service["command"]
        assert f"{service['networks']['default']['ipv4_address']}:8080" == address
        assert service["environment"]["MEDIASIM_PEERS"].replace("{}", str(place)) == (
            f"http://{address}"
        )
        assert f"--shard={place}/{len(listed)}" in words
        assert f"--media=s3://recordings/sandbox{place}" in words
        assert any(each.endswith(f"options=-csearch_path%3Dsandbox{place}") for each in words)
        assert f"SCHEMA IF NOT EXISTS sandbox{place};" in schemas
        assert_options_are_known(words)
    assert len(listed) == 3


def assert_options_are_known(words: list[str]) -> None:
    """All options of a command are ones that it has."""
    command, *options = words
    known = json.loads((ROOT / "tests/public_names.json").read_text())["command line"]
    for each in options:
        assert f"{command} {each.partition('=')[0]}" in known


def test_kubernetes_has_what_compose_has() -> None:
    folder = DOCKER / "kubernetes"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    files = [*kustomization["resources"], "workers.yaml"]
    found = [each for name in files for each in yaml.safe_load_all((folder / name).read_text())]
    of_kind = {(each["kind"], each["metadata"]["name"]): each for each in found}
    proxy = of_kind["ConfigMap", "mediasim-proxy"]["data"]
    assert proxy["default.conf"] == (DOCKER / "nginx/mediasim.conf").read_text()
    places = of_kind["StatefulSet", "mediasim"]["spec"]["replicas"]
    for place in range(places):
        assert f"server mediasim-{place}:8080 max_fails=0;" in proxy["mediasim-servers.inc"]
        service = of_kind["Service", f"mediasim-{place}"]["spec"]
        assert service["selector"] == {"statefulset.kubernetes.io/pod-name": f"mediasim-{place}"}
    for name in ("mediasim", "mediasim-worker"):
        pod = of_kind["StatefulSet", name]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert_options_are_known(container["args"])
        volumes = {each["name"] for each in pod["volumes"]} | {"data"}
        assert {each["name"] for each in container["volumeMounts"]} == volumes
        made = " ".join(rest for word, rest in steps(DOCKER / "Dockerfile") if word == "RUN")
        assert f"--uid {pod['securityContext']['runAsUser']}" in made


def test_the_example_knows_its_account() -> None:
    plan = load_config(DOCKER / "example-app/sandbox.yaml")
    environment = compose("compose.yaml")["services"]["app"]["environment"]
    assert plan.account.sid == environment["TWILIO_ACCOUNT_SID"]
    assert plan.account.auth_token == environment["TWILIO_AUTH_TOKEN"]
    (number,) = plan.numbers.values()
    assert number.voice_url == "http://app:5000/voice"
    assert plan.allow_hosts == ("app",)


# -- what it does ---------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def bare(port: int) -> dict[str, str]:
    """The environment of an image, but for the port."""
    url = f"http://127.0.0.1:{port}"
    return {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "MEDIASIM_BASE_URL": url}


@contextmanager
def running(words: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """An image's command, until it is told to end."""
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(
            words, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0, (folder / "output.txt").read_text()
        finally:
            process.kill()
            process.wait()


def health(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = json.loads(said("HEALTHCHECK").partition("CMD ")[2])
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)


def becomes_healthy(environment: dict[str, str]) -> str:
    until = time.monotonic() + 30
    while (done := health(environment)).returncode:
        assert time.monotonic() < until, done.stderr
        time.sleep(0.1)
    return done.stdout


@pytest.mark.realtime
def test_it_is_served_and_its_health_is_checked(tmp_path: Path) -> None:
    port = free_port()
    environment = bare(port)
    unwell = health(environment)
    assert (unwell.returncode, "no sandbox answers" in unwell.stderr) == (2, True)
    words = [*json.loads(said("ENTRYPOINT")), *json.loads(said("CMD")), "--port", str(port)]
    words[words.index(said("VOLUME"))] = str(tmp_path / "data")
    with running(words, environment, tmp_path):
        assert becomes_healthy(environment) == "ok; storage: ok; clock: real\n"
        assert (tmp_path / "data/sandbox.sqlite").is_file()


@pytest.mark.realtime
def test_a_shared_sandbox_has_its_state_and_recordings_elsewhere(tmp_path: Path) -> None:
    """The options and variables of the compose file, with servers of our own in their places."""
    databases = module_of(ROOT / "tests/sandbox/databases.py")
    pytest.importorskip("obstore")
    moto = pytest.importorskip("moto.server")
    service = compose("compose.shared.yaml")["services"]["sandbox"]
    objects = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    objects.start()
    try:
        host, port = objects.get_host_and_port()
        own = free_port()
        environment = {**bare(own), **service["environment"]}
        environment["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
        media = next(word for word in service["command"] if word.startswith("--media="))
        bucket = re.fullmatch("--media=s3://([a-z]+)/team", media)
        assert bucket is not None
        made = urllib.request.Request(f"http://{host}:{port}/{bucket[1]}", method="PUT")
        urllib.request.urlopen(made, timeout=5).close()
        with databases.postgresql() as url:
            given = {"--database=": f"--database={url}", "--data=": f"--data={tmp_path / 'data'}"}
            words = [
                next((it for start, it in given.items() if word.startswith(start)), word)
                for word in service["command"]
            ]
            words = ["mediasim", *words, f"--port={own}"]
            with running(words, environment, tmp_path):
                assert becomes_healthy(environment) == "ok; storage: ok; clock: real\n"
    finally:
        objects.stop()


def test_the_example_app_fetches_its_message(
    mediasim_sandbox: MediasimSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for package in ("flask", "requests", "twilio"):
        pytest.importorskip(package)
    for name, value in mediasim_sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    plan = yaml.safe_load((DOCKER / "example-app/sandbox.yaml").read_text())
    mediasim_sandbox.app(module_of(DOCKER / "example-app/app.py").app)
    mediasim_sandbox.call(script=plan["parties"]["alice"]["script"])
    mediasim_sandbox.run_until_idle()
    assert re.search(r"^a message of [1-9] s: [1-9][0-9]{4} bytes of WAV$", capsys.readouterr().out)
    assert not [each for each in mediasim_sandbox.deliveries if each.state != "delivered"]


@pytest.mark.realtime
def test_the_github_action_starts_a_sandbox(tmp_path: Path) -> None:
    jobs = yaml.safe_load((DOCKER / "github-action.yml").read_text())["jobs"]
    assert "--mediasim-keep=mediasim-out" in jobs["pytest"]["steps"][3]["run"]
    step = next(each for each in jobs["beside"]["steps"] if "name" in each)
    port = free_port()
    (tmp_path / "sandbox.yaml").write_text("numbers: {}\n")
    script = step["run"].replace("mediasim serve", f"mediasim serve --port {port}")
    script += "kill %1; wait %1\n"
    variables = tmp_path / "variables"
    environment = {**bare(port), "GITHUB_ENV": str(variables)}
    done = subprocess.run(
        ["bash", "-emc", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    names = [line.partition("=")[0] for line in variables.read_text().splitlines()]
    assert names == ["MEDIASIM_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"]
