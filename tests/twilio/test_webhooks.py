from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

import pytest
from twilio.request_validator import RequestValidator

from mediasim.net.virtual_loop import VirtualLoop
from mediasim.seeds import Seeds
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpRequest
from mediasim.twilio.webhooks import AppFailure, AppRequest, Delivery, Webhooks

T = TypeVar("T")
TOKEN = "0123456789abcdef0123456789abcdef"
SECOND = 1_000_000_000
APP = "http://127.0.0.1:5000"
OK = HttpAnswer(200, {"content-type": "text/xml"}, b"<Response/>")
REFUSED = HttpFailed("connection refused", refused=True)
CLOSED = HttpFailed("the app closed the connection")


class Sent:
    """A request as the app sees it."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, at: float
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body.decode()
        self.at = at

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body, True).items()}

    @property
    def valid(self) -> bool:
        signed = self.headers["X-Twilio-Signature"]
        return bool(RequestValidator(TOKEN).validate(self.url, self.form, signed))


Answers = HttpAnswer | HttpFailed | Callable[[Sent], HttpAnswer | HttpFailed]


class App:
    """The app: answers in order (the last for ever), each after some seconds of the loop's time."""

    def __init__(self, *answers: Answers, seconds: float = 0) -> None:
        self.answers = list(answers) or [OK]
        self.seconds = seconds
        self.sent: list[Sent] = []
        self.limits: list[tuple[float, float]] = []
        self.under_way = 0

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        total_seconds = limits.total_seconds
        loop = asyncio.get_running_loop()
        sent = Sent(request.method, request.url, request.headers, request.body, loop.time())
        self.sent.append(sent)
        self.limits.append((limits.connect_seconds, total_seconds))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.under_way += 1
        try:
            await asyncio.sleep(min(self.seconds, total_seconds))
        finally:
            self.under_way -= 1
        if self.seconds > total_seconds:
            raise HttpFailed("no answer in time", timed_out=True)
        if callable(answer):
            answer = answer(sent)
        if isinstance(answer, HttpFailed):
            raise answer
        return answer

    @property
    def urls(self) -> list[str]:
        return [sent.url for sent in self.sent]


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def webhooks(app: App, loop: VirtualLoop, **options: Any) -> Webhooks:
    return Webhooks(app, auth_token=TOKEN, clock=lambda: loop.now_ns, seeds=Seeds(1), **options)


def run(loop: VirtualLoop, main: Coroutine[Any, Any, T]) -> T:
    return loop.run_until_complete(main)


def failure(loop: VirtualLoop, app: App, request: AppRequest) -> AppFailure:
    with pytest.raises(AppFailure) as caught:
        run(loop, webhooks(app, loop).fetch(request))
    assert caught.value.delivery is not None
    assert caught.value.delivery.state == "failed"
    assert caught.value.delivery.error == caught.value.message
    return caught.value


def status(code: int) -> HttpAnswer:
    return HttpAnswer(code, {"content-type": "text/plain"}, b"no")


def redirect(location: str, code: int = 302) -> HttpAnswer:
    return HttpAnswer(code, {"location": location}, b"")


# -- what is sent -------------------------------------------------------------------------------

PARAMS = (("CallSid", "CA1"), ("From", "+14155550100"), ("Say", "Grüße & = +"), ("Empty", ""))


def test_a_post_has_a_signed_form(loop: VirtualLoop) -> None:
    app = App()
    response = run(loop, webhooks(app, loop).fetch(AppRequest(f"{APP}/voice?a=1", "POST", PARAMS)))
    (sent,) = app.sent
    assert (sent.method, sent.url) == ("POST", f"{APP}/voice?a=1")
    assert sent.form == dict(PARAMS)
    assert sent.valid
    assert sent.headers["User-Agent"] == "TwilioProxy/1.1"
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert (response.status, response.content_type) == (200, "text/xml")
    assert (response.body, response.url) == (b"<Response/>", f"{APP}/voice?a=1")


def test_a_get_has_its_parameters_in_the_query(loop: VirtualLoop) -> None:
    app = App()
    run(loop, webhooks(app, loop).fetch(AppRequest(f"{APP}/voice?a=1", "get", PARAMS)))
    (sent,) = app.sent
    assert (sent.method, sent.body) == ("GET", "")
    assert sent.url == (
        f"{APP}/voice?a=1&CallSid=CA1&From=%2B14155550100&Say=Gr%C3%BC%C3%9Fe+%26+%3D+%2B&Empty="
    )
    assert sent.valid
    assert "Content-Type" not in sent.headers


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://127.0.0.1:80/voice",
        "http://[::1]:5000/voice?x=1&x=2",
        "http://LOCALHOST:5000/Jürgen/?wer=Jürgen&leer=",
        "https://127.0.0.1:8443/a/../b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_signature_is_that_of_the_url_requested(
    loop: VirtualLoop, url: str, method: str
) -> None:
    app = App()
    run(loop, webhooks(app, loop).fetch(AppRequest(url, method, PARAMS)))
    assert app.sent[0].valid


def test_repeated_parameters_are_sent_and_signed(loop: VirtualLoop) -> None:
    class Form(dict[str, list[str]]):
        def getlist(self, name: str) -> list[str]:
            return self[name]

    app = App()
    params = (("Event", "start"), ("Event", "end"), ("Event", "start"))
    run(loop, webhooks(app, loop).fetch(AppRequest(APP, "POST", params)))
    (sent,) = app.sent
    form = Form(parse_qs(sent.body))
    assert form == {"Event": ["start", "end", "start"]}
    signed = sent.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(sent.url, form, signed)


def test_name_and_password_of_a_url_go_into_a_header(loop: VirtualLoop) -> None:
    app = App()
    request = AppRequest("http://me:secret@127.0.0.1:5000/voice", "POST", PARAMS)
    response = run(loop, webhooks(app, loop).fetch(request))
    (sent,) = app.sent
    assert sent.url == f"{APP}/voice"
    assert sent.headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert sent.valid
    assert response.url == "http://me:secret@127.0.0.1:5000/voice"


def test_idempotency_tokens(loop: VirtualLoop) -> None:
    def tokens() -> list[str]:
        app = App(REFUSED, OK)
        hooks = webhooks(app, loop)
        for _ in range(2):
            run(loop, hooks.fetch(AppRequest(APP)))
        return [sent.headers["I-Twilio-Idempotency-Token"] for sent in app.sent]

    first, retried, second = tokens()
    assert first == retried != second
    assert [len(part) for part in first.split("-")] == [8, 4, 4, 4, 12]
    assert tokens() == [first, first, second]


def test_cookies_last_for_a_call(loop: VirtualLoop) -> None:
    def setting(cookies: str) -> HttpAnswer:
        return HttpAnswer(200, {"content-type": "text/xml", "set-cookie": cookies}, b"")

    async def main() -> None:
        hooks = webhooks(app, loop)
        for url, sid in ((APP, "CA1"), (APP, "CA1"), (APP, "CA2"), (APP, "CA1"), (APP, "CA1")):
            await hooks.fetch(AppRequest(url, sid=sid))
        await hooks.fetch(AppRequest("http://localhost:5000/", sid="CA1"))

    app = App(
        setting(
            "session=eyJ4IjoxfQ.a-b; Path=/; HttpOnly, "
            "old=1; Expires=Fri, 01 Jan 2038 00:00:00 GMT, bad name=1"
        ),
        OK,
        OK,
        setting("old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT, session=2; Max-Age=60"),
        OK,
    )
    run(loop, main())
    assert [sent.headers.get("Cookie") for sent in app.sent] == [
        None,
        "session=eyJ4IjoxfQ.a-b; old=1",
        None,
        "session=eyJ4IjoxfQ.a-b; old=1",
        "session=2",
        None,
    ]


def cookies_sent(
    loop: VirtualLoop, set_cookie: str, *fetched: str, seconds: float = 0
) -> list[Any]:
    """The cookies that requests for these URLs bring, so long after the app has set some."""
    app = App(HttpAnswer(200, {"set-cookie": set_cookie}, b""), OK)

    async def main() -> None:
        hooks = webhooks(app, loop)
        await hooks.fetch(AppRequest(f"{APP}/bot/voice", sid="CA1"))
        await asyncio.sleep(seconds)
        for url in fetched:
            await hooks.fetch(AppRequest(url, sid="CA1"))

    run(loop, main())
    return [sent.headers.get("Cookie") for sent in app.sent[1:]]


def test_cookies_have_their_paths(loop: VirtualLoop) -> None:
    found = cookies_sent(loop, "a=1; Path=/, b=2; Secure", f"{APP}/bot/status", f"{APP}/other")
    assert found == ["b=2; a=1", "a=1"]


@pytest.mark.parametrize(("seconds", "left"), [(59, "a=1"), (61, None)])
def test_cookies_live_by_the_sandboxs_clock(
    loop: VirtualLoop, seconds: float, left: str | None
) -> None:
    url = f"{APP}/bot/voice"
    assert cookies_sent(loop, "a=1; Max-Age=60", url, seconds=seconds) == [left]


@pytest.mark.parametrize(
    "hostile",
    [
        "a=1; Domain=example.com",
        "a",
        "=1",
        "a b=1",
        "a=\u20ac",
        "a=1; Max-Age=" + "9" * 5000,
        "a=1; Expires=Thu, 01 Jan " + "9" * 5000 + " 00:00:00 GMT",
        "a=" + "x" * 5000,
        "a=1; Version=x",
        "; ; ,=;",
    ],
)
@pytest.mark.filterwarnings("error")
def test_hostile_cookies_are_not_kept(loop: VirtualLoop, hostile: str) -> None:
    assert cookies_sent(loop, hostile, f"{APP}/bot/voice") == [None]


def test_of_very_many_cookies_the_first_are_kept(loop: VirtualLoop) -> None:
    many = ", ".join(f"c{number}=1" for number in range(1000))
    (header,) = cookies_sent(loop, many, f"{APP}/bot/voice")
    assert header.split("; ") == [f"c{number}=1" for number in range(50)]


# -- failures and retries -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (status(404), 11200, f"Got HTTP 404 response to {APP}/voice"),
        (status(500), 11200, "Got HTTP 500 response"),
        (REFUSED, 11205, "connection refused"),
        (CLOSED, 11200, "the app closed the connection"),
        (status(304), 11216, "status 304 without a Location"),
        (redirect("/there", 308), 11216, "followed are 301, 302, 303, 307"),
        (redirect("http://[bad"), 11216, "HTTP invalid redirect"),
        (redirect("ftp://127.0.0.1/"), 11100, "http:// or https://"),
    ],
)
def test_codes_of_failures(loop: VirtualLoop, answer: Answers, code: int, words: str) -> None:
    caught = failure(loop, App(answer), AppRequest(f"{APP}/voice"))
    assert caught.code == code
    assert words in caught.message


def test_no_connection_is_retried_once(loop: VirtualLoop) -> None:
    app = App(REFUSED, OK)
    response = run(loop, webhooks(app, loop).fetch(AppRequest(APP)))
    assert response.status == 200
    assert [attempt.error for attempt in response.delivery.attempts] == ["connection refused", None]
    assert len(failure(loop, App(REFUSED), AppRequest(APP)).delivery.attempts) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("answer", [status(404), status(503), CLOSED])
def test_nothing_else_is_retried_unasked(loop: VirtualLoop, answer: Answers) -> None:
    app = App(answer, OK)
    failure(loop, app, AppRequest(APP))
    assert len(app.sent) == 1


@pytest.mark.parametrize(
    ("fragment", "answer", "attempts"),
    [
        ("rc=0", REFUSED, 1),
        ("rc=3", REFUSED, 4),
        ("rc=5&rp=5xx", REFUSED, 1),
        ("rc=5&rp=5xx", status(503), 6),
        ("rc=5&rp=5xx", status(429), 1),
        ("rc=2&rp=4xx,5xx", status(429), 3),
        ("rc=2&rp=rt", CLOSED, 3),
        ("rc=2&rp=all", CLOSED, 3),
        ("rp=all", status(400), 2),
    ],
)
def test_retries_as_the_overrides_say(
    loop: VirtualLoop, fragment: str, answer: Answers, attempts: int
) -> None:
    app = App(answer)
    failure(loop, app, AppRequest(f"{APP}/voice#{fragment}"))
    assert app.urls == [f"{APP}/voice"] * attempts


def test_fifteen_seconds_and_no_longer(loop: VirtualLoop) -> None:
    app = App(seconds=60)
    caught = failure(loop, app, AppRequest(APP))
    assert (caught.code, loop.now_ns) == (11205, 15 * SECOND)
    assert app.limits == [(5, 15)]


def test_the_total_time_is_for_all_retries(loop: VirtualLoop) -> None:
    app = App(seconds=60)
    failure(loop, app, AppRequest(f"{APP}#rc=5&rp=all&ct=1000&rt=3000&tt=10000"))
    assert app.limits == [(1, 4), (1, 4), (1, 2)]
    assert loop.now_ns == 10 * SECOND


def test_time_outs_count_where_the_clock_was_held(loop: VirtualLoop) -> None:
    app = App(HttpFailed("no answer in time", timed_out=True))
    failure(loop, app, AppRequest(f"{APP}#rc=5&rp=all&rt=6000"))
    assert (app.limits, loop.now_ns) == ([(5, 11), (4, 4)], 0)


def test_a_wrong_policy_and_a_wrong_url_are_never_sent(loop: VirtualLoop) -> None:
    app = App()
    assert failure(loop, app, AppRequest(f"{APP}#rp=sometimes")).code == 11243
    assert failure(loop, app, AppRequest("/voice")).code == 11100
    assert failure(loop, app, AppRequest("http://example.com/")).code == 11205
    assert app.sent == []


def test_allowed_hosts(loop: VirtualLoop) -> None:
    app = App()
    hooks = webhooks(app, loop, allow_hosts=["app.example"])
    run(loop, hooks.fetch(AppRequest("https://app.example/voice")))
    assert app.urls == ["https://app.example/voice"]


# -- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303])
def test_a_redirect_goes_on_as_a_get_without_parameters(loop: VirtualLoop, code: int) -> None:
    app = App(redirect("../there?x=1", code), OK)
    response = run(loop, webhooks(app, loop).fetch(AppRequest(f"{APP}/a/b", "POST", PARAMS)))
    assert [(sent.method, sent.url) for sent in app.sent] == [
        ("POST", f"{APP}/a/b"),
        ("GET", f"{APP}/there?x=1"),
    ]
    assert app.sent[1].body == ""
    assert all(sent.valid for sent in app.sent)
    assert response.url == f"{APP}/there?x=1"


def test_a_redirect_of_307_goes_on_as_it_was(loop: VirtualLoop) -> None:
    app = App(redirect("http://localhost:6000/", 307), OK)
    run(loop, webhooks(app, loop).fetch(AppRequest(f"{APP}/a", "POST", PARAMS)))
    assert (app.sent[1].method, app.sent[1].form) == ("POST", dict(PARAMS))
    assert app.sent[1].valid


def test_a_redirected_get_does_not_say_its_parameters_twice(loop: VirtualLoop) -> None:
    app = App(lambda sent: redirect(sent.url.replace("/a", "/b"), 307), OK)
    run(loop, webhooks(app, loop).fetch(AppRequest(f"{APP}/a", "GET", (("x", "1"),))))
    assert app.urls == [f"{APP}/a?x=1", f"{APP}/b?x=1"]


def test_ten_redirects_and_no_more(loop: VirtualLoop) -> None:
    app = App(*[redirect("/on")] * 10, OK)
    assert run(loop, webhooks(app, loop).fetch(AppRequest(APP))).status == 200
    app = App(redirect("/on"))
    assert failure(loop, app, AppRequest(APP)).code == 11215
    assert len(app.sent) == 11


def test_a_redirect_may_not_lead_off_this_machine(loop: VirtualLoop) -> None:
    app = App(redirect("http://169.254.169.254/latest"))
    caught = failure(loop, app, AppRequest(APP))
    assert "the host 169.254.169.254 was not called" in caught.message
    assert len(app.sent) == 1


def test_slow_redirects_have_their_time_together(loop: VirtualLoop) -> None:
    app = App(redirect("/on"), seconds=4)
    assert failure(loop, app, AppRequest(APP)).code == 11205
    assert loop.now_ns == 15 * SECOND


# -- notifications ------------------------------------------------------------------------------


def told(app: App) -> list[tuple[str, float]]:
    return [(sent.form["n"], sent.at) for sent in app.sent]


def notify(hooks: Webhooks, lane: str, *numbers: int, url: str = APP) -> None:
    for number in numbers:
        hooks.notify(AppRequest(url, "POST", (("n", str(number)),), "call-status", "CA1"), lane)


def test_a_lane_keeps_its_order_and_waits_for_no_other(loop: VirtualLoop) -> None:
    async def main() -> None:
        hooks = webhooks(app, loop)
        notify(hooks, "one", 1, 2)
        notify(hooks, "other", 11, 12)
        await hooks.settled()

    app = App(seconds=2)
    run(loop, main())
    assert sorted(told(app)) == [("1", 0), ("11", 0), ("12", 2), ("2", 2)]
    assert loop.now_ns == 4 * SECOND


def test_one_lane_for_all(loop: VirtualLoop) -> None:
    async def main() -> None:
        hooks = webhooks(app, loop, one_lane=True)
        notify(hooks, "one", 1)
        notify(hooks, "other", 2)
        notify(hooks, "one", 3)
        await hooks.settled()

    app = App(seconds=1)
    run(loop, main())
    assert told(app) == [("1", 0), ("2", 1), ("3", 2)]


def test_one_that_fails_does_not_stop_its_lane(loop: VirtualLoop) -> None:
    async def main() -> list[Delivery]:
        hooks = webhooks(app, loop)
        notify(hooks, "lane", 1, url="http://example.com/")
        notify(hooks, "lane", 2, 3)
        await hooks.settled()
        return hooks.deliveries

    app = App(status(500), OK)
    deliveries = run(loop, main())
    assert [number for number, _ in told(app)] == ["2", "3"]
    assert [delivery.state for delivery in deliveries] == ["failed", "failed", "delivered"]
    assert [delivery.error_code for delivery in deliveries] == [11205, 11200, None]


def test_a_retry_goes_before_what_is_next_in_the_lane(loop: VirtualLoop) -> None:
    async def main() -> None:
        hooks = webhooks(app, loop)
        notify(hooks, "lane", 1, 2)
        await hooks.settled()

    app = App(REFUSED, OK)
    run(loop, main())
    assert [number for number, _ in told(app)] == ["1", "1", "2"]


def test_settled_does_not_wait_for_what_comes_later(loop: VirtualLoop) -> None:
    async def main() -> int:
        hooks = webhooks(app, loop)
        await hooks.settled()
        notify(hooks, "lane", 1)
        loop.call_later(0.5, notify, hooks, "lane", 2)
        await hooks.settled()
        at = loop.now_ns
        await hooks.settled()
        return at

    app = App(seconds=1)
    assert run(loop, main()) == SECOND
    assert loop.now_ns == 2 * SECOND


# -- the log ------------------------------------------------------------------------------------


def test_the_log_of_a_delivery(loop: VirtualLoop) -> None:
    done: list[Delivery] = []

    async def main() -> Delivery:
        hooks = webhooks(app, loop, on_delivery=done.append)
        await asyncio.sleep(3)
        notify(hooks, "CA1", 7, url=f"{APP}/status#rp=5xx")
        notify(hooks, "CA1", 8)
        first, second = hooks.deliveries
        assert (first.state, second.state) == ("queued", "queued")
        await asyncio.sleep(0.5)
        assert (first.state, second.state) == ("sent", "queued")
        await hooks.settled()
        assert done == [first, second]
        return first

    app = App(status(503), HttpAnswer(200, {"content-type": "text/plain"}, b"x" * 9000), seconds=1)
    delivery = run(loop, main())
    log = json.loads(json.dumps(delivery.to_json()))
    assert log["id"].startswith("WH")
    assert len(log["id"]) == 34
    assert (log["kind"], log["sid"], log["lane"], log["replay_of"]) == (
        *("call-status", "CA1", "CA1", None),
    )
    assert (log["queued_ns"], log["sent_ns"], log["answered_ns"]) == (
        *(3 * SECOND, 3 * SECOND, 5 * SECOND),
    )
    assert (log["state"], log["error"], log["error_code"]) == ("delivered", None, None)
    assert log["url"] == f"{APP}/status#rp=5xx"
    assert log["request"]["url"] == f"{APP}/status"
    assert log["request"]["method"] == "POST"
    assert log["request"]["body"] == "n=7"
    assert (
        log["request"]["headers"]["X-Twilio-Signature"] == app.sent[0].headers["X-Twilio-Signature"]
    )
    assert log["response"]["status"] == 200
    assert log["response"]["body"] == "x" * 4096 + "..."
    assert [attempt["response"]["status"] for attempt in log["attempts"]] == [503, 200]


def test_a_body_that_is_no_text_is_not_in_the_log(loop: VirtualLoop) -> None:
    app = App(HttpAnswer(200, {"content-type": "audio/x-wav"}, b"RIFF" * 100))
    response = run(loop, webhooks(app, loop).fetch(AppRequest(APP, kind="media")))
    assert response.body == b"RIFF" * 100
    assert response.delivery.to_json()["response"]["body"] == "(400 bytes of audio/x-wav)"


def test_a_fetch_nobody_waits_for_any_more(loop: VirtualLoop) -> None:
    app = App(seconds=10)
    hooks = webhooks(app, loop)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hooks.fetch(AppRequest(APP)), 2)

    run(loop, main())
    (delivery,) = hooks.deliveries
    assert (delivery.state, delivery.error) == ("failed", "given up before its answer came")
    assert (delivery.answered_ns, app.under_way) == (2 * SECOND, 0)


def test_a_replay_is_signed_afresh(loop: VirtualLoop) -> None:
    async def main() -> tuple[Delivery, Delivery]:
        hooks = webhooks(app, loop)
        notify(hooks, "lane", 1, url=f"{APP}/status#rc=0")
        await hooks.settled()
        await asyncio.sleep(5)
        (first,) = hooks.deliveries
        again = await hooks.replay(first.id)
        assert hooks.deliveries == [first, again]
        return first, again

    app = App(REFUSED, OK)
    first, again = run(loop, main())
    assert (first.state, again.state) == ("failed", "delivered")
    assert (again.replay_of, again.kind, again.sid) == (first.id, first.kind, first.sid)
    assert (again.url, again.params) == (first.url, first.params)
    old, new = app.sent
    assert (new.url, new.body, new.at) == (old.url, old.body, 5)
    assert new.valid
    tokens = {sent.headers["I-Twilio-Idempotency-Token"] for sent in app.sent}
    assert len(tokens) == 2


def test_a_replay_that_fails_says_so(loop: VirtualLoop) -> None:
    async def main() -> Delivery:
        hooks = webhooks(App(status(500)), loop)
        notify(hooks, "lane", 1)
        await hooks.settled()
        return await hooks.replay(hooks.deliveries[0].id)

    assert run(loop, main()).error_code == 11200


def test_a_replay_of_nothing(loop: VirtualLoop) -> None:
    with pytest.raises(LookupError, match="no delivery 'WH0'"):
        run(loop, webhooks(App(), loop).replay("WH0"))


def test_the_same_seed_gives_the_same_ids(loop: VirtualLoop) -> None:
    def ids() -> list[str]:
        hooks = webhooks(App(), loop)
        for _ in range(3):
            run(loop, hooks.fetch(AppRequest(APP)))
        return [delivery.id for delivery in hooks.deliveries]

    assert ids() == ids()
    assert len(set(ids())) == 3
