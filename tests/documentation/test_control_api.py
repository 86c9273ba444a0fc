"""The description of the control API: valid OpenAPI, of what a sandbox does when it is asked."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from starlette.routing import Route

from mediasim.sandbox.control import PREFIX, create_control
from mediasim.sandbox.control_api import OPERATIONS, openapi
from mediasim.sandbox.proxy.serving import sandbox_environment
from mediasim.testing import MediasimSandbox

PAGES = ("/inspector", "/softphone", "/docs", "/coverage", "/openapi.json")

WITH: dict[str, dict[str, Any]] = {
    "/clock/advance": {"by": "1s"},
    "/calls": {"to": "+15005550006", "script": [{"pause": "1m"}]},
    "/calls/{sid}/act": {"script": [{"pause": "1s"}]},
    "/calls/{sid}/press": {"digits": "1#"},
    "/calls/{sid}/speak": {"text": "good morning"},
    "/weather": {"webhook_drop": True},
    "/messages": {"to": "+15005550006", "from": "+14155550123"},
    "/message-outcomes": {"to": "+14155550123", "status": "failed"},
}
"""A body for each operation that needs one."""


def test_the_description_is_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(openapi())


def test_a_sandbox_does_what_is_described(mediasim_sandbox: MediasimSandbox) -> None:
    def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        url = f"{mediasim_sandbox.base_url}{PREFIX}{path}"
        request = Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    routes = create_control(mediasim_sandbox._embedded.sandbox).routes
    assert {(each.method, each.path) for each in OPERATIONS} == {
        (method, route.path)
        for route in routes
        if isinstance(route, Route) and not route.path.startswith(PAGES)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert ask("GET", "/openapi.json") == (200, json.loads(json.dumps(openapi())))

    twiml = "<Response><Start><Recording/></Start><Pause length='30'/></Response>"
    known = {"/proxy/hosts/{name}": "demo.example"}
    for each in OPERATIONS:
        path = each.path
        if path == "/weather/{id}":
            known[path] = ask("POST", "/weather", WITH["/weather"])[1]["id"]
        before, brace, rest = path.partition("{")
        asked = before + known.get(path, known.get("call", "")) + rest.partition("}")[2]
        asked = asked if brace else path
        if each.body is not None:
            assert ask(each.method, asked, {"nonsense": 1})[0] == 422, each
        if path == "/clock/rate":
            assert ask(each.method, path, {"rate": 2})[0] == 409  # a test moves this clock
            continue
        status, answer = ask(each.method, asked, WITH.get(path) if each.body else None)
        assert status == each.status, (each.method, path, answer)
        assert not each.answer or set(answer) == set(each.answer), path
        if (each.method, path) == ("POST", "/calls"):
            known["call"] = answer["sid"]
            mediasim_sandbox.advance("1s")
        if path == "/reset":
            mediasim_sandbox.app({"/voice": twiml}, sms="/voice")
            recorded = mediasim_sandbox.call(script=[{"say": "hello"}, "hangup"])
            mediasim_sandbox.advance("2s")
            known["/recordings/{sid}/truth"] = recorded.recordings[0].sid
            delivery = str(mediasim_sandbox.deliveries[0].id)
            known |= dict.fromkeys(("/deliveries/{id}", "/deliveries/{id}/replay"), delivery)
    variables = sandbox_environment(mediasim_sandbox._embedded.sandbox)
    assert ask("GET", "/env") == (200, variables)
