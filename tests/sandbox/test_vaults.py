"""Encryption and storage elsewhere as a whole: by the SDK, through kills, by workers, into S3."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from databases import s3_server
from serving import Sandbox, app, eventually, serving
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from mediasim.sandbox.external_storage import CustomerBucket, read_place
from mediasim.twilio.vault import BucketRefused

PLAN = """
numbers: {{+14155550100: {{twiml: "<Response/>"}}}}
parties:
  alice:
    number: +14155550101
    answer: 0s
    script: [{{say: "Hello there"}}, {{pause: {pause}}}]
recordings: {recordings}
"""


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def public_pem() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def plan(folder: Path, recordings: dict[str, Any], pause: str = "1s") -> str:
    (folder / "public_key.pem").write_text(public_pem(), "ascii")
    file = folder / "plan.yaml"
    file.write_text(PLAN.format(pause=pause, recordings=json.dumps(recordings)), "utf-8")
    return str(file)


def client_of(sandbox: Sandbox) -> Client:
    client = Client(sandbox.env["TWILIO_ACCOUNT_SID"], sandbox.env["TWILIO_AUTH_TOKEN"])
    client.api.base_url = client.accounts.base_url = sandbox.url
    return client


def placed(client: Client, url: str, *, seconds: int = 1) -> str:
    call = client.calls.create(
        to="+14155550101",
        from_="+14155550100",
        record=True,
        recording_channels="dual",
        recording_status_callback=f"{url}/recorded",
        recording_status_callback_event=["completed", "absent"],
        twiml=f"<Response><Pause length='{seconds}'/></Response>",
    )
    sid: str = call.sid
    return sid


def completed(client: Client, call: str) -> Any:
    """The call's recording, once it is completed."""

    def found() -> Any:
        return next((it for it in client.calls(call).recordings.list() if it.duration), None)

    sid = eventually(found).sid
    eventually(lambda: client.recordings(sid).fetch().status == "completed")
    return client.recordings(sid).fetch()


def decrypted(data: bytes, details: dict[str, str]) -> bytes:
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    cek = private_key().decrypt(base64.b64decode(details["encrypted_cek"]), scheme)
    return AESGCM(cek).decrypt(base64.b64decode(details["iv"]), data, None)


def credentials_are_resources(client: Client) -> Any:
    """Try public keys and credentials of AWS; leaves the account one key, which it returns."""
    keys = client.accounts.v1.credentials.public_key
    with pytest.raises(TwilioRestException) as refused:
        keys.create(public_key="-----BEGIN NOTHING-----")
    assert (refused.value.status, refused.value.code) == (400, 70104)
    made = keys.create(public_key=public_pem(), friendly_name="mine")
    assert made.sid.startswith("CR")
    assert made.url.endswith(f"/v1/Credentials/PublicKeys/{made.sid}")
    assert made.date_created is not None
    assert keys.list()[0].friendly_name == "mine"
    renamed = client.accounts.v1.credentials.public_key(made.sid).update(friendly_name="ours")
    assert renamed.friendly_name == "ours"
    sub = client.api.accounts.create(friendly_name="Sub")
    other = keys.create(public_key=public_pem(), account_sid=sub.sid)
    assert other.account_sid == sub.sid
    assert [each.sid for each in keys.list()] == [made.sid]

    aws = client.accounts.v1.credentials.aws
    with pytest.raises(TwilioRestException) as refused:
        aws.create(credentials="id:secret")
    assert refused.value.code == 70106
    stored = aws.create(credentials=f"AKIA{'A' * 16}:{'s' * 40}", friendly_name="bucket")
    assert [each.sid for each in aws.list()] == [stored.sid]
    with pytest.raises(TwilioRestException) as missing:
        client.accounts.v1.credentials.public_key(stored.sid).fetch()
    assert missing.value.status == 404
    assert client.accounts.v1.credentials.aws(stored.sid).delete()
    assert aws.list() == []
    return made


def test_keys_and_what_was_recorded_outlive_a_kill(tmp_path: Path) -> None:
    config = plan(tmp_path, {"encryption": True, "processing": "0s"}, pause="60s")
    options = ("--data", str(tmp_path / "data"), "--config", config)
    with app() as own:
        with serving(*options) as sandbox:
            client = client_of(sandbox)
            made = credentials_are_resources(client)
            ended = completed(client, placed(client, own.url))
            assert ended.encryption_details["public_key_sid"] == made.sid
            call = placed(client, own.url, seconds=60)
            spool = tmp_path / "data" / "spool"
            eventually(lambda: any(it.stat().st_size > 30_000 for it in spool.glob("RE*")))
        with serving(*options) as sandbox:  # the other one was killed
            client = client_of(sandbox)
            (kept,) = client.accounts.v1.credentials.public_key.list()
            assert (kept.sid, kept.friendly_name) == (made.sid, "ours")
            again = client.recordings(ended.sid).fetch()
            assert again.encryption_details == ended.encryption_details
            recovered = completed(client, call)
            for recording in (again, recovered):
                data = sandbox.download(f"/Recordings/{recording.sid}.wav")
                assert decrypted(data, recording.encryption_details).startswith(b"RIFF")
            _, told = eventually(lambda: len(own.of("/recorded")) == 2 and own.of("/recorded"))
            assert json.loads(told["EncryptionDetails"]) == recovered.encryption_details


# -- a real bucket ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The URL of an S3 server that has a bucket named calls."""
    with s3_server("calls") as url:
        yield url


KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


def storage(s3: str, bucket: str = "s3://calls/mine", **more: str) -> dict[str, Any]:
    keys = {"access_key_id": "key", "secret_access_key": "secret"}
    return {"storage": {"bucket": bucket, "endpoint": s3, **keys, **more}, "processing": "0s"}


def test_recordings_go_to_the_bucket_that_the_plan_names(tmp_path: Path, s3: str) -> None:
    config = plan(tmp_path, {**storage(s3), "encryption": "public_key.pem"})
    with app() as own, serving("--in-memory", "--config", config, "--workers", "2") as sandbox:
        client = client_of(sandbox)
        recording = completed(client, placed(client, own.url))
        assert recording.media_url == (
            f"{s3}/calls/mine/{recording.account_sid}/{recording.sid}.wav"
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(recording.media_url, timeout=5)
        boto3 = import_module("boto3")
        bucket = boto3.client("s3", endpoint_url=s3, region_name="us-east-1", **KEYS)
        key = recording.media_url.removeprefix(f"{s3}/calls/")
        data = bucket.get_object(Bucket="calls", Key=key)["Body"].read()
        assert decrypted(data, recording.encryption_details).startswith(b"RIFF")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            sandbox.download(f"/Recordings/{recording.sid}.wav")
        (told,) = eventually(lambda: own.of("/recorded"))
        assert told["RecordingUrl"] == recording.media_url
        assert not client.api.v2010.account.notifications.list()


def test_a_bucket_that_refuses_says_why(s3: str, tmp_path: Path) -> None:
    file = tmp_path / "some.wav"
    file.write_bytes(b"RIFF")
    keys = "key", "secret"
    there = CustomerBucket(read_place("s3://calls/a b", endpoint=s3), keys)
    assert there.put("AC/RE.wav", file) == f"{s3}/calls/a%20b/AC/RE.wav"
    for place, words in [
        (read_place("s3://no-such-bucket", endpoint=s3), "no-such-bucket refuses it"),
        (read_place("s3://calls", endpoint="http://127.0.0.1:1"), "calls refuses it"),
    ]:
        with pytest.raises(BucketRefused, match=words):
            CustomerBucket(place, keys).put("RE.wav", file)


def test_a_bucket_is_read_as_s3_or_as_aws_writes_it() -> None:
    place = read_place("https://mine.s3.eu-west-1.amazonaws.com/calls/")
    assert place == read_place("s3://mine/calls", region="eu-west-1")
    assert place.url("AC/RE.wav") == "https://mine.s3.eu-west-1.amazonaws.com/calls/AC/RE.wav"
    for wrong in ("", "mine", "s3://", "s3://M", "gs://mine", "http://mine.example/calls"):
        with pytest.raises(ValueError, match="expected a bucket such as"):
            read_place(wrong)
