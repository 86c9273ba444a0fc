"""The API over a real account in virtual time: what an app asks for happens, and is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
from account_stage import ALICE, APP, BOB, TOKEN, AccountStage
from api_description import check_response

from mediasim.net.virtual_loop import VirtualLoop
from mediasim.twilio.ports import on_this_loop
from mediasim.twilio.rest import create_api


class Client:
    """Asks on the account's own loop; answers are held against the description."""

    def __init__(self, account: AccountStage) -> None:
        self.account = account
        sid = account.service.account.sid
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=create_api(account.service, on_this_loop)),
            base_url=f"http://sandbox/2010-04-01/Accounts/{sid}",
            auth=(sid, TOKEN),
        )

    async def ask(self, method: str, path: str, status: int = 200, **form: Any) -> dict[str, Any]:
        answer = await self.http.request(method, path, data=form or None)
        body: dict[str, Any] = answer.json() if answer.content else {}
        assert answer.status_code == status, body
        check_response(method, answer.request.url.path, status, body or None)
        return body


def through(directory: Path, main: Callable[[Client], Coroutine[Any, Any, None]]) -> AccountStage:
    async def conduct() -> AccountStage:
        account = AccountStage(directory)
        await main(Client(account))
        await account.over()
        return account

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(conduct())


def test_a_call_is_placed_recorded_paused_and_ended(tmp_path: Path) -> None:
    async def main(client: Client) -> None:
        client.account.telephone(BOB, 60.0)
        form = {"To": BOB, "From": ALICE, "Twiml": "<Response><Pause length='50'/></Response>"}
        call = await client.ask("POST", "/Calls.json", 201, **form)
        one = f"/Calls/{call['sid']}"
        early = await client.ask("POST", f"{one}/Recordings.json", 400)
        assert early["code"] == 21220
        await asyncio.sleep(5)
        assert (await client.ask("GET", f"{one}.json"))["status"] == "in-progress"
        recording = await client.ask("POST", f"{one}/Recordings.json", 201)
        await asyncio.sleep(2)
        current = f"{one}/Recordings/Twilio.CURRENT.json"
        paused = await client.ask("POST", current, Status="paused", PauseBehavior="skip")
        assert (paused["sid"], paused["status"]) == (recording["sid"], "paused")
        await asyncio.sleep(3)
        assert (await client.ask("POST", current, Status="in-progress"))["status"] == "in-progress"
        await asyncio.sleep(1)
        await client.ask("POST", f"{one}.json", Status="completed")
        await asyncio.sleep(1)
        assert (await client.ask("GET", f"{one}.json"))["status"] == "completed"
        again = await client.ask("POST", f"{one}.json", 400, Status="completed")
        assert again["code"] == 21220
        path = f"/Recordings/{recording['sid']}.json"
        kept = await client.ask("GET", path)
        assert (kept["status"], kept["duration"]) == ("completed", "3")
        await client.ask("DELETE", path, 204)
        await client.ask("GET", path, 404)
        await client.ask("DELETE", f"{one}.json", 204)
        assert (await client.ask("GET", "/Calls.json"))["calls"] == []

    through(tmp_path, main)


def test_somebody_is_called_into_a_conference_and_muted(tmp_path: Path) -> None:
    async def main(client: Client) -> None:
        client.account.telephone(BOB, 60.0)
        form = {"To": BOB, "From": ALICE, "Label": "bob", "ConferenceRecord": "true"}
        made = await client.ask("POST", "/Conferences/Room/Participants.json", 201, **form)
        await asyncio.sleep(5)
        (conference,) = (await client.ask("GET", "/Conferences.json"))["conferences"]
        assert conference["friendly_name"] == "Room"
        path = f"/Conferences/{conference['sid']}"
        assert made["conference_sid"] == conference["sid"]
        muted = await client.ask("POST", f"{path}/Participants/bob.json", Muted="true")
        assert (muted["muted"], muted["status"]) == (True, "connected")
        assert len((await client.ask("GET", f"{path}/Participants.json"))["participants"]) == 1
        await client.ask("GET", f"{path}/Participants/nobody.json", 404)
        await client.ask("POST", f"{path}.json", Status="completed")
        await asyncio.sleep(1)
        ended = await client.ask("GET", f"{path}.json")
        assert ended["reason_conference_ended"] == "conference-ended-via-api"
        await client.ask("GET", f"{path}/Recordings.json")

    through(tmp_path, main)


def test_a_call_waits_in_a_queue_and_is_taken_out(tmp_path: Path) -> None:
    async def main(client: Client) -> None:
        client.account.telephone(BOB, 60.0)
        queue = await client.ask("POST", "/Queues.json", 201, FriendlyName="support")
        twiml = "<Response><Enqueue>support</Enqueue></Response>"
        form = {"To": BOB, "From": ALICE, "Twiml": twiml}
        call = await client.ask("POST", "/Calls.json", 201, **form)
        await asyncio.sleep(5)
        path = f"/Queues/{queue['sid']}"
        assert (await client.ask("GET", f"{path}.json"))["current_size"] == 1
        front = await client.ask("GET", f"{path}/Members/Front.json")
        assert front["call_sid"] == call["sid"]
        await client.ask("DELETE", f"{path}.json", 400)
        client.account.app.answers["/next"] = "<Response><Hangup/></Response>"
        await client.ask("POST", f"{path}/Members/Front.json", Url=f"{APP}/next")
        await asyncio.sleep(3)
        assert (await client.ask("GET", f"/Calls/{call['sid']}.json"))["status"] == "completed"
        events = await client.ask("GET", f"/Calls/{call['sid']}/Events.json")
        assert events["events"][-1]["request"]["url"] == f"{APP}/next"
        assert (await client.ask("GET", f"{path}/Members.json"))["queue_members"] == []

    through(tmp_path, main)


def test_errors_of_documents_are_notifications(tmp_path: Path) -> None:
    async def main(client: Client) -> None:
        client.account.telephone(BOB, 60.0)
        form = {"To": BOB, "From": ALICE, "Twiml": "<Response><Dial"}
        call = await client.ask("POST", "/Calls.json", 201, **form)
        await asyncio.sleep(30)
        path = f"/Calls/{call['sid']}/Notifications.json"
        (note,) = (await client.ask("GET", path))["notifications"]
        assert (note["error_code"], note["log"]) == ("12100", "0")
        await client.ask("GET", f"/Notifications/{note['sid']}.json")

    through(tmp_path, main)


def test_an_api_key_asks_and_numbers_lead_to_the_app(tmp_path: Path) -> None:
    async def main(client: Client) -> None:
        key = await client.ask("POST", "/Keys.json", 201, FriendlyName="CI")
        client.http.auth = (key["sid"], key["secret"])
        number = await client.ask(
            "POST",
            "/IncomingPhoneNumbers.json",
            201,
            PhoneNumber="+15550100009",
            VoiceUrl=f"{APP}/voice",
        )
        client.account.app.answers["/voice"] = "<Response><Hangup/></Response>"
        phone = client.account.telephone(ALICE)
        call = client.account.service.place_inbound(ALICE, "+15550100009", phone)
        await asyncio.sleep(5)
        shown = await client.ask("GET", f"/Calls/{call.sid}.json")
        assert (shown["direction"], shown["phone_number_sid"]) == ("inbound", number["sid"])
        assert client.account.app.asked("/voice")[0]["CallSid"] == call.sid

    through(tmp_path, main)
