"""A resource is one row: a toy, added by the module below alone, is all that a real one is."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from mediasim.exchange.dates import Dates
from mediasim.exchange.states import Lifecycle
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.fleet.proxy import RequestOwner, Responder, rest_owner
from mediasim.sandbox.settings import Settings
from mediasim.twilio.representations import account_path, rfc2822
from mediasim.twilio.rest.paging import LIST_ALL
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Stored,
    delete,
    fetch,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.rest.table import RESOURCES, all_stored, callbacks, coverage

# -- the toy ------------------------------------------------------------------------------------


@dataclass(slots=True)
class ToyRecord:
    LIFECYCLE: ClassVar = Lifecycle(
        noun="toy",
        initial=("in-progress",),
        moves={"in-progress": ("broken",), "broken": ()},
        interrupted={"in-progress": ("broken",)},
    )

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    status: str = "in-progress"
    updated_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "friendly_name": self.friendly_name,
            "status": self.status,
            "date_created": rfc2822(dates, self.created_ns),
            "uri": f"{account_path(self.account_sid)}/Toys/{self.sid}.json",
        }


def create(request: ApiRequest) -> ApiResponse:
    name = request.form.friendly_name() or ""
    record = ToyRecord(request.new_sid(), request.account.sid, name, request.account.now_ns)
    request.store.add(record)
    return request.show(record, 201)


def spy(request: ApiRequest) -> ApiResponse:
    return ApiResponse({"undeclared": request.form.text("Undeclared")})


TOYS = Resource(
    name="Toy",
    many="wooden_toys",
    prefix="TY",
    stored=Stored("toy", ToyRecord, in_resource_list("Toys")),
    callbacks=("toy-status",),
    paths={
        f"{ACCOUNT}/Toys": {"GET": LIST_ALL, "POST": Operation(create, ("FriendlyName",))},
        f"{ACCOUNT}/Toys/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(spy),
            "DELETE": Operation(delete),
        },
    },
)


# -- what becomes of it -------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    RESOURCES.append(TOYS)
    yield
    RESOURCES.remove(TOYS)


class Client:
    def __init__(self, sandbox: EmbeddedSandbox) -> None:
        self.url = sandbox.base_url
        account = sandbox.sandbox.service.account
        self.account = account_path(account.sid)
        self._key = b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()

    def ask(self, method: str, path: str, **form: str) -> tuple[int, Any]:
        data = urlencode(form).encode() if method == "POST" else None
        request = Request(self.url + path, data, {"Authorization": f"Basic {self._key}"})
        request.method = method
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                text = answer.read().decode()
                return answer.status, json.loads(text) if text[:1] in "{[" and text else text
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def toys(self, method: str, below: str = "", **form: str) -> tuple[int, Any]:
        return self.ask(method, f"{self.account}/Toys{below}.json", **form)

    def shown(self) -> list[str]:
        """The names of the toys in the inspector."""
        _, found = self.ask("GET", "/_mediasim/inspector/resources")
        (toys,) = (each for each in found["resources"] if each["name"] == "Toy")
        assert toys["many"] == "wooden toys"
        return [each["friendly_name"] for each in toys["records"]]


@pytest.mark.realtime
def test_a_toy_is_created_listed_paged_stored_restored_and_shown(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with EmbeddedSandbox(settings) as sandbox:
        client = Client(sandbox)
        made = [client.toys("POST", FriendlyName=name) for name in ("ball", "kite", "top")]
        assert {status for status, _ in made} == {201}
        ball, kite, top = (body for _, body in made)
        assert ball["sid"].startswith("TY")
        assert len(ball["sid"]) == 34
        assert client.toys("GET", f"/{ball['sid']}") == (200, ball)
        status, missing = client.toys("GET", "/TY1")
        assert (status, missing["code"]) == (404, 20404)
        assert client.toys("PUT")[1]["code"] == 20004
        _, page = client.ask("GET", f"{client.account}/Toys.json?PageSize=2")
        assert page["wooden_toys"] == [top, kite]
        _, rest = client.ask("GET", page["next_page_uri"])
        assert rest["wooden_toys"] == [ball]
        status, xml = client.ask("GET", f"{client.account}/Toys/{kite['sid']}")
        assert f"<Toy><Sid>{kite['sid']}</Sid>" in xml
        assert client.toys("DELETE", f"/{kite['sid']}") == (204, "")
        assert client.shown() == ["top", "ball"]

    with EmbeddedSandbox(settings) as sandbox:
        client = Client(sandbox)
        _, listed = client.toys("GET")
        # What was in progress when the process ended is broken: its lifecycle says so.
        assert listed["wooden_toys"] == [{**each, "status": "broken"} for each in (top, ball)]
        assert client.shown() == ["top", "ball"]
        client.ask("POST", "/_mediasim/reset")
        assert client.shown() == []


@pytest.mark.realtime
def test_a_parameter_that_its_row_does_not_declare_cannot_be_read() -> None:
    with EmbeddedSandbox(Settings()) as sandbox:
        status, body = Client(sandbox).toys("POST", "/TY1", Undeclared="1")
        assert (status, body["code"]) == (500, 20500)


def test_whose_a_toy_is_in_a_sandbox_of_several_processes() -> None:
    toys = f"{account_path('AC1')}/Toys"
    assert rest_owner("POST", f"{toys}.json") == RequestOwner(Responder.HERE)
    assert rest_owner("DELETE", f"{toys}/TY1.json") == RequestOwner(Responder.HERE)
    stored = Stored("toy", ToyRecord, in_resource_list("Toys"), Owner.WORKER)
    RESOURCES[-1] = Resource(name="Toy", many="toys", paths=TOYS.paths, stored=stored)
    try:
        assert rest_owner("DELETE", f"{toys}/TY1.json") == RequestOwner(
            Responder.OWNER, "toy", "TY1"
        )
        assert rest_owner("GET", f"{toys}/TY1.json") == RequestOwner(Responder.HERE)
    finally:
        RESOURCES[-1] = TOYS


def test_the_rows_are_read_when_they_are_needed() -> None:
    assert all_stored()["toy"].record is ToyRecord
    assert callbacks()[-1] == "toy-status"
    assert "| Toy | `POST` | `…/Toys` | FriendlyName |" in coverage()
