"""A script that calls someone by plain requests, as those without the SDK are written."""

import asyncio
import json
import os
import urllib.request
from base64 import b64encode

import aiohttp
import requests

API = "https://api.twilio.com/2010-04-01/Accounts/" + os.environ["TWILIO_ACCOUNT_SID"]
auth = (os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
basic = {"Authorization": "Basic " + b64encode(":".join(auth).encode()).decode()}

call = requests.post(
    API + "/Calls.json",
    data={"To": "+14155550101", "From": "+14155550100", "Twiml": "<Response><Pause/></Response>"},
    auth=auth,
    timeout=10,
).json()


async def status() -> str:
    async with aiohttp.ClientSession(headers=basic) as session:
        while True:
            async with session.get(f"{API}/Calls/{call['sid']}.json") as answer:
                found: str = (await answer.json())["status"]
            if found in ("completed", "failed", "busy", "no-answer"):
                return found


print(call["to"], asyncio.run(status()))
request = urllib.request.Request(API + "/Calls.json?To=%2B14155550101", headers=basic)
with urllib.request.urlopen(request) as answer:
    print(len(json.load(answer)["calls"]), "call")

for elsewhere in ("https://example.com/", "http://example.com/"):
    try:
        requests.get(elsewhere, timeout=10)
    except requests.RequestException as error:
        print("not called:", "example.com was not called" in str(error))
    else:
        print("refused")


async def elsewhere_too() -> None:
    async with aiohttp.ClientSession() as session:
        try:
            await session.get("https://example.com/")
        except aiohttp.ClientError as error:
            print("not called:", "example.com was not called" in str(error))


asyncio.run(elsewhere_too())
