"""Public names of apps, one trust for webhooks and streams, and the sites that Twilio hosts."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from twilio.request_validator import RequestValidator

from mediasim.audio.tones import tone
from mediasim.audio.wav import wav_header
from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.names import Reachable, SiteApp, with_sites
from mediasim.sandbox.proxy.hosts import AppAddress, HostTable
from mediasim.sandbox.settings import Settings
from mediasim.testing import MediasimSandbox

NAME = "demo.ngrok.app"
NUMBER = "+14155550100"
TONE = wav_header(1, 8000) + tone(440, 8000).tobytes()
STAY = [{"pause": "6s"}]


class PublicApp:
    """An app written for a tunnel: it checks signatures of its public URL, and streams to it."""

    def __init__(self) -> None:
        self.token = ""
        self.heard: list[tuple[str, bool, Mapping[str, str]]] = []
        """(path, whether the signature is valid, headers) of each request."""
        self.streamed = b""
        handlers: dict[str, Callable[[Request], Any]] = {
            "/old": lambda _: RedirectResponse(f"https://{NAME}/voice", 307),
            "/voice": self.voice,
            "/tone.wav": lambda _: Response(TONE, media_type="audio/x-wav"),
        }
        quiet = ("/status", "/recording", "/stream")
        handlers |= dict.fromkeys(quiet, lambda _: Response(status_code=204))
        self.app = Starlette(
            routes=[
                *(
                    Route(path, self.checked(path, handler), methods=["GET", "POST"])
                    for path, handler in handlers.items()
                ),
                WebSocketRoute("/media", self.media),
            ]
        )

    def checked(self, path: str, handler: Callable[[Request], Any]) -> Any:
        async def answer(request: Request) -> Response:
            # As behind a tunnel: the URL is put together from what the tunnel says.
            scheme, host = request.headers["x-forwarded-proto"], request.headers["host"]
            url = f"{scheme}://{host}{request.url.path}"
            form = dict(await request.form())
            signed = RequestValidator(self.token).validate(
                url, form, request.headers.get("x-twilio-signature", "")
            )
            self.heard.append((path, signed, dict(request.headers)))
            response: Response = handler(request)
            return response

        return answer

    def voice(self, request: Request) -> Response:
        host = request.headers["host"]
        return Response(
            f"""<Response>
            <Start>
              <Stream url="wss://{host}/media" statusCallback="https://{host}/stream"/>
              <Recording recordingStatusCallback="https://{host}/recording"/>
            </Start>
            <Play>/tone.wav</Play><Pause length="2"/></Response>""",
            media_type="text/xml",
        )

    async def media(self, socket: WebSocket) -> None:
        signed = RequestValidator(self.token).validate(
            f"wss://{socket.headers['host']}/media", {}, socket.headers["x-twilio-signature"]
        )
        self.heard.append(("/media", signed, dict(socket.headers)))
        await socket.accept()
        async for text in socket.iter_text():
            message = json.loads(text)
            if message["event"] == "media":
                self.streamed += base64.b64decode(message["media"]["payload"])


def test_an_app_is_reached_under_its_public_name(mediasim_sandbox: MediasimSandbox) -> None:
    app = PublicApp()
    app.token = mediasim_sandbox.auth_token
    mediasim_sandbox.app(app.app, voice="/old", status="/status", public_name=NAME)
    call = mediasim_sandbox.call(script=[{"say": "Hello, is this my public name?"}, *STAY])
    mediasim_sandbox.run_until_idle()

    paths = [path for path, _, _ in app.heard]
    assert {*paths} == {"/old", "/voice", "/media", "/tone.wav", "/recording", "/stream", "/status"}
    assert [path for path, signed, _ in app.heard if not signed] == []
    for _, _, headers in app.heard:
        assert headers["host"] == headers["x-forwarded-host"] == NAME
        assert (headers["x-forwarded-proto"], headers["x-forwarded-for"]) == ("https", "127.0.0.1")
    assert len(app.streamed) > 8000
    (recording,) = call.recordings
    recording.assert_heard("caller", channel=1, text="public name")
    played = recording.pcm[1, 2000:6000].astype(float)
    assert np.sqrt(np.mean(played**2)) > 5000  # the tone of /tone.wav
    log = mediasim_sandbox.deliveries.of("twiml")[0]
    assert [attempt.url for attempt in log.attempts] == [
        f"https://{NAME}/old",
        f"https://{NAME}/voice",
    ]
    assert mediasim_sandbox.client.notifications.list() == []


def test_http_and_names_below_lead_there_too_and_others_nowhere(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    seen: list[tuple[str, str]] = []

    async def app(request: Request) -> Response:
        seen.append((request.headers["host"], request.headers["x-forwarded-proto"]))
        return Response("<Response><Hangup/></Response>", media_type="text/xml")

    served = Starlette(routes=[Route("/voice", app, methods=["POST"])])
    mediasim_sandbox.app(served, voice=None, public_name="*.ngrok.app")
    sdk = mediasim_sandbox.client
    urls = (
        "http://A.ngrok.app:8443/voice",
        "https://b.c.ngrok.app./voice",
        "https://ngrok.app/voice",
    )
    for url in urls:
        sdk.calls.create(to="+14155550111", from_="+14155550100", url=url)
    mediasim_sandbox.run_until_idle()
    assert sorted(seen) == [("a.ngrok.app:8443", "http"), ("b.c.ngrok.app.", "https")]
    (refused,) = sdk.notifications.list()
    assert refused.error_code == "11205"
    assert "the host ngrok.app was not called" in refused.message_text


def test_an_app_that_is_not_there_is_named_with_its_address(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    mediasim_sandbox.app("http://127.0.0.1:9", public_name=NAME)
    mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    (note,) = mediasim_sandbox.client.notifications.list()
    assert note.request_url == f"https://{NAME}/voice"
    assert f"({NAME} is http://127.0.0.1:9 by hosts:)" in note.message_text


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("hosts: {demo.ngrok.app: 5050}", "1:25: hosts.demo.ngrok.app: expected the address of"),
        ("hosts: {demo.ngrok.app: 'http://127.0.0.1:5050/voice'}", "without path, query and"),
        ("hosts: {127.0.0.1: 'http://127.0.0.1:1'}", "expected a public host name such as demo"),
        ("hosts: {localhost: 'http://127.0.0.1:1'}", "expected a public host name such as demo"),
        ("hosts: {api.twilio.com: 'http://127.0.0.1:1'}", "the sandbox itself answers under"),
        ("hosts: {a.b: 'http://127.0.0.1:1', A.b: 'http://127.0.0.1:2'}", "a.b is the same name"),
        ("trust: nowhere.pem", "1:8: trust: there is no file"),
        ("trust: empty.pem", "1:8: trust: the authority 'empty.pem' cannot be used: it holds no"),
    ],
)
def test_a_wrong_plan_is_told(
    plan: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.pem").touch()
    with pytest.raises(ScenarioError) as wrong:
        parse_config(plan, base=Path(), file=Path("plan.yaml"))
    (problem,) = wrong.value.problems
    assert told in str(problem)


def test_who_answers_under_a_name() -> None:
    hosts = with_sites(HostTable({"*.a.test": "http://127.0.0.1:1", "twimlets.com": "http://t"}))
    names = Reachable(hosts, "http://own")
    found = {host: names.find(host, "/") for host in ("x.a.test", "api.ie1.twilio.com")}
    assert [it.url for it in found.values() if isinstance(it, AppAddress)] == [
        "http://127.0.0.1:1",
        "http://own",
    ]
    assert hosts.find("twimlets.com") == AppAddress("http://t")  # the plan goes before Twilio
    assert isinstance(names.find("api.twilio.com", "/cowbell.mp3"), SiteApp)
    known = ("demo.twilio.com", "com.twilio.music.soft-rock.s3.amazonaws.com")
    assert all(isinstance(names.find(host, "/"), SiteApp) for host in known)
    others = ("a.test", "com.twilio.music.polka.s3.amazonaws.com", "s3.amazonaws.com", "twilio.com")
    assert not any(host in names for host in others)


# -- TLS of an app's own -------------------------------------------------------------------------


def authority_and_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """An authority's file, and certificate and key of localhost that it has signed."""
    now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)

    def made(name: str, key: Any, issuer: Any, signer: Any, *, authority: bool) -> Any:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        if authority:
            usage = dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment",
                 "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False,
            )  # fmt: skip
            builder = builder.add_extension(
                x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True
            )
        return builder.sign(signer, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = made("An app's own authority", root_key, None, root_key, authority=True)
    leaf = made("localhost", key, root.subject, root_key, authority=False)
    files = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(root.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@contextmanager
def served_with_tls(app: Any, certificate: Path, key: Path) -> Iterator[int]:
    """Serve an app with its own certificate; yields its port."""
    import uvicorn

    started, ports = threading.Event(), list[int]()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ports.append(self.servers[0].sockets[0].getsockname()[1])
            started.set()

    server = Server(
        uvicorn.Config(
            app,
            port=0,
            log_config=None,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield ports[0]
    finally:
        server.should_exit = True
        thread.join(5)


@pytest.mark.parametrize("way", ["trust", "SSL_CERT_FILE", "neither"])
def test_webhooks_and_streams_trust_the_same_authorities(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, certificate, key = authority_and_certificate(tmp_path)
    streamed = list[str]()

    async def voice(request: Request) -> Response:
        url = f"wss://localhost:{request.url.port}/media"
        text = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
        return Response(text, media_type="text/xml")

    async def media(socket: WebSocket) -> None:
        await socket.accept()
        streamed.append(json.loads(await socket.receive_text())["event"])
        await socket.close()

    app = Starlette(
        routes=[Route("/voice", voice, methods=["POST"]), WebSocketRoute("/media", media)]
    )
    if way == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with served_with_tls(app, certificate, key) as port:
        plan: dict[str, Any] = {"numbers": {NUMBER: f"https://localhost:{port}/voice"}}
        if way == "trust":
            plan["trust"] = "authority.pem"
        config = parse_config(plan, base=tmp_path)
        with EmbeddedSandbox(Settings(config=config, clock="manual", seed_override=1)) as embedded:
            sandbox = embedded.sandbox

            async def call() -> list[str]:
                phone = sandbox.phones.phone("+14155550123")
                sandbox.service.place_inbound("+14155550123", NUMBER, phone)
                await sandbox.clock.run_until_idle(60_000_000_000)
                return [each.message_text for each in sandbox.service.notifications]

            problems = embedded.submit(call).result()
    if way == "neither":
        assert "CERTIFICATE_VERIFY_FAILED" in problems[0]
    else:
        assert (problems, streamed) == ([], ["connected"])
