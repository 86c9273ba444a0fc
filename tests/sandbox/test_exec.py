"""``mediasim exec``: how a program is run beside a sandbox, and what is left of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import serving
from typer.testing import CliRunner

from mediasim.cli import app as commands
from mediasim.sandbox.config import Config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings

pytestmark = pytest.mark.realtime
OWN = {**os.environ, "MEDIASIM_SPEECH": "babble"}
TELL = """
import json, os, sitecustomize, sys, urllib.request as r
umask = os.umask(0)
url = os.environ["PUBLIC_URL"] + "/x"
import http.server, threading
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(self.headers["Host"].encode())
    def log_message(self, *_): pass
app = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), App)
threading.Thread(target=app.serve_forever, daemon=True).start()
host = r.urlopen(url).read().decode()
print(json.dumps({"env": dict(os.environ), "umask": umask, "host": host, "argv": sys.argv[1:],
                  "chained": getattr(sys, "chained", None)}))
"""


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "mediasim", "exec", *options]


def ran(*options: str, code: int = 0, **more: Any) -> tuple[str, str]:
    """Run it to its end; returns what is on standard output and standard error."""
    done = subprocess.run(
        command(*options), capture_output=True, text=True, timeout=60, check=False, **more
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_the_environment_is_whole_and_keeps_what_was_there(tmp_path: Path) -> None:
    site = tmp_path / "own"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.chained = True\n")
    before = {"PYTHONPATH": f"{site}{os.pathsep}{OWN.get('PYTHONPATH', '')}"}
    before |= {"NODE_OPTIONS": "--no-warnings", "SERVER": "mine", "PORT": ""}
    given = {name: value for name, value in OWN.items() if name != "OPENBLAS_NUM_THREADS"}
    python = [sys.executable, "-c", TELL, "--in-memory", "-x"]
    options = ["--data", str(tmp_path / "data"), "--public-name", "demo.ngrok.app", "--"]
    output, log = ran(*options, *python, env={**given, **before})
    told = json.loads(output)
    env = told["env"]
    assert "OPENBLAS_NUM_THREADS" not in env  # the sandbox's threads are its own affair
    assert told["argv"] == ["--in-memory", "-x"]
    umask = os.umask(0o077)
    os.umask(umask)
    assert told["umask"] == umask  # not that of the sandbox, whose files are private
    assert told["chained"] is True
    assert told["host"] == env["NGROK_DOMAIN"] == "demo.ngrok.app"
    assert env["PUBLIC_URL"] == env["NGROK_URL"] == env["BASE_URL"] == "https://demo.ngrok.app"
    assert env["SERVER"] == "mine"
    assert env["PYTHONPATH"].endswith(before["PYTHONPATH"])
    assert env["NODE_OPTIONS"].endswith("mediasim.cjs --no-warnings")
    proxy = env["HTTPS_PROXY"]
    assert {env[name] for name in ("HTTP_PROXY", "http_proxy", "https_proxy")} == {proxy}
    assert env["NO_PROXY"] == env["no_proxy"] == "localhost,127.0.0.1,::1"
    port = proxy.rpartition(":")[2]
    assert f"-Dhttps.proxyPort={port}" in env["JAVA_TOOL_OPTIONS"]
    authority = tmp_path / "data" / "authority"
    files = ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "TWILIO_CA_BUNDLE"]
    assert {env[name] for name in files} == {str(authority / "bundle.pem")}
    assert env["NODE_EXTRA_CA_CERTS"] == str(authority / "authority.pem")
    assert (authority / "authority.key").stat().st_mode & 0o777 == 0o600
    assert env["PHP_INI_SCAN_DIR"] == f":{authority / 'php'}"
    first = log.splitlines()
    assert first[0].startswith("mediasim sandbox at http://127.0.0.1:")
    (where,) = [line for line in first if line.startswith(f"proxy at {proxy}: answers for ")]
    assert {"demo.ngrok.app", "twimlets.com", "*.twilio.com"} <= set(re.split(r"[ ,;]+", where))
    assert "loaded by PYTHONPATH, for Python" in log
    assert "loaded by NODE_OPTIONS, for Node" in log
    assert f"demo.ngrok.app is http://127.0.0.1:{env['PORT']} (PORT)" in first


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with EmbeddedSandbox(Settings(config=Config(), clock="manual")) as embedded:
        yield embedded.base_url


def test_exit_codes(url: str, tmp_path: Path) -> None:
    file = tmp_path / "not executable"
    file.write_text("")
    by_signal = [sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]
    by_itself = [sys.executable, "-c", "raise SystemExit(7)"]
    for words, code, text in (
        (["no-such-command"], 127, "cannot run 'no-such-command': there is no such command"),
        ([str(file)], 126, "Permission denied"),
        (by_signal, 143, "joined the sandbox"),
        (by_itself, 7, "joined the sandbox"),
    ):
        result = CliRunner().invoke(commands, ["exec", "--url", url, "--", *words])
        assert result.exit_code == code, result.output
        assert text in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--public-name", "localhost", "true"], "--public-name: expected the name of a host"),
        (["--public-name", "a.twilio.com", "true"], "the sandbox itself answers there"),
        (["--public-name", "a b", "true"], "--public-name: expected the name of a host"),
        (["--url", "http://127.0.0.1:1", "--seed", "5", "true"], "leave out --seed"),
        (["--url", "http://127.0.0.1:1", "true"], "no sandbox answers at http://127.0.0.1:1"),
        ([], "Missing argument"),
    ],
    ids=lambda value: "-".join(value)[:20] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said(options: list[str], words: str) -> None:
    result = CliRunner().invoke(commands, ["exec", *options])
    assert result.exit_code == 2
    assert words in result.output


SIGNALLED = """
import signal, sys, time
def told(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(9)
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, told)
print("ready", flush=True)
time.sleep(60)
time.sleep(60)
"""


def test_signals_are_passed_on() -> None:
    words = command("--in-memory", "--", sys.executable, "-c", SIGNALLED)
    with subprocess.Popen(
        words,
        env=OWN,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == "ready\n"
            for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGTERM"):
                process.send_signal(getattr(signal, name))
                assert process.stdout.readline() == f"{name}\n"
            assert process.wait(20) == 9
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_a_running_sandbox_is_joined(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    tell = [sys.executable, "-c", "import os; print(os.environ['MEDIASIM_BASE_URL'])"]
    with serving("--data", data, "--proxy") as sandbox:
        assert sandbox.env["HTTPS_PROXY"] == sandbox.env["http_proxy"]
        assert f'for a shell: eval "$(mediasim env --shell --url {sandbox.url})"' in sandbox.lines
        output, log = ran("--data", data, "--", *tell, env=OWN)
        assert output == f"{sandbox.url}\n"
        assert log.startswith(f"joined the sandbox at {sandbox.url}\n")
        run = CliRunner().invoke
        by_url = ["exec", "--url", sandbox.url, "--public-name", "b.ngrok.app", "--app-port=5999"]
        joined = run(commands, [*by_url, "true"])
        assert "b.ngrok.app is http://127.0.0.1:5999 (PORT)" in joined.output
        no_port = run(commands, [*by_url[:-1], "true"], env={"PORT": "99999"})
        assert re.search(r"b\.ngrok\.app is http://127\.0\.0\.1:[0-9]+ \(PORT\)", no_port.output)
        assert "99999" not in no_port.output
        refused = run(commands, ["exec", "--data", data, "--seed", "5", "true"])
        assert f"{data} is in use by the sandbox at {sandbox.url}" in refused.output
        assert "leave out --seed to join it" in refused.output
        for form, reading in (("shell", _sourced), ("dotenv", _dotenv), ("json", json.loads)):
            found = reading(run(commands, ["env", f"--{form}", "--url", sandbox.url]).output)
            assert found["MEDIASIM_BASE_URL"] == sandbox.url, form
            assert found["HTTPS_PROXY"] == found["http_proxy"], form
            names = found["MEDIASIM_HOSTS"].split(",")
            assert "*.twilio.com" in names, form
            assert "b.ngrok.app" not in names, form  # it has gone again
            assert found["JAVA_TOOL_OPTIONS"].startswith("-Dhttp.proxyHost=127.0.0.1 "), form
        end = ["sh", "-c", f"kill -9 {sandbox.process.pid}; sleep 0.5; exit 5"]
        ended = run(commands, [*by_url, *end])
        assert ended.exit_code == 5
        assert f"no sandbox answers at {sandbox.url}" in ended.output


def _sourced(text: str) -> dict[str, str]:
    """What a shell makes of lines."""
    program = "import os, json; print(json.dumps(dict(os.environ)))"
    script = f"{text}\nexec {sys.executable} -S -c '{program}'"
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": "/before"}
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env=clean
    )
    found: dict[str, str] = json.loads(done.stdout)
    assert found["PYTHONPATH"].endswith(":/before")
    return found


def _dotenv(text: str) -> dict[str, str]:
    """What a reader of .env files makes of lines."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip("'") for name, _, value in pairs}
