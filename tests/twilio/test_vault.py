"""Encrypted recordings, decrypted as a customer decrypts them; public keys and their errors."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, BOB, AccountStage
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from meeting import comes, media, on_account, place_of, recordings, words
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.wav import read_wav
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import RecordingRecord
from mediasim.truth.faults.order import parse_fault
from mediasim.twilio.download import download
from mediasim.twilio.fault_injection import FaultRule
from mediasim.twilio.representations import recording_json
from mediasim.twilio.vault import (
    BucketRefused,
    CredentialRecord,
    MediaBucket,
    Vault,
    VaultSettings,
    read_public_key,
)

HELLO, YES = words(1, 1.0), words(2, 1.0)


@cache
def private_key(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    data: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return data.decode()


def add_key(account: AccountStage, number: int = 0) -> str:
    """Give the account a public key; returns its SID."""
    record = CredentialRecord(
        sid=account.service.new_sid("CR"),
        account_sid=account.service.sid,
        kind="public-key",
        friendly_name="",
        created_ns=0,
        public_key=read_public_key(pem(private_key(number))),
    )
    account.service.resource_list("Credentials").add(record)
    return record.sid


def on_vault(
    directory: Path,
    main: Callable[[AccountStage], Coroutine[Any, Any, Any]],
    settings: VaultSettings | None = None,
    keys: int = 1,
    **exchange: Any,
) -> AccountStage:
    """Run something on an account that has its recordings encrypted."""

    async def conduct(account: AccountStage) -> None:
        for number in range(keys):
            add_key(account, number)
        chosen = settings or VaultSettings(encrypts=True)
        vault = Vault(chosen, account.exchange.store, account.exchange.seeds)
        vault.serve(account.service)
        await main(account)
        await account.over()
        await account.service.close()
        vault.close()

    return on_account(directory, conduct, **exchange)


def dialled(record: str, room: str = "") -> Callable[[AccountStage], Coroutine[Any, Any, None]]:
    """Alice calls, and is put through to Bob, or into a conference that Bob is in."""

    async def main(account: AccountStage) -> None:
        callback = (
            'recordingStatusCallback="/recorded" recordingStatusCallbackEvent="completed absent"'
        )
        noun = f'<Conference record="record-from-start" {callback}>{room}</Conference>'
        meets = f"<Dial>{noun}</Dial>"
        dials = f'<Dial record="{record}" {callback}>{BOB}</Dial>'
        if room:
            comes(account, BOB, meets, 2.0, YES, 3.0)
        else:
            account.telephone(BOB, 2.0, YES, 3.0)
        comes(account, ALICE, meets if room else dials, 1.5, HELLO, 5.0, "hangup")

    return main


def samples(data: bytes) -> NDArray[np.int16]:
    """The channels of a WAV: (channels, samples)."""
    with wave.open(io.BytesIO(data)) as file:
        frames = file.readframes(file.getnframes())
        return np.frombuffer(frames, "<i2").reshape(-1, file.getnchannels()).T


def decrypted(data: bytes, details: dict[str, str], number: int = 0) -> NDArray[np.int16]:
    """What a customer hears, who follows the steps of Twilio's guide to decryption."""
    cek = private_key(number).decrypt(
        base64.b64decode(details["encrypted_cek"]),
        padding.OAEP(
            mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=None
        ),
    )
    iv = base64.b64decode(details["iv"])
    # As the guide's Java and Python do: with the tag, and block by block without it.
    whole = AESGCM(cek).decrypt(iv, data, None)
    decryptor = Cipher(algorithms.AES(cek), modes.GCM(iv)).decryptor()
    assert decryptor.update(data)[: len(whole)] == whole
    return samples(whole)


def shown(account: AccountStage, record: RecordingRecord) -> dict[str, Any]:
    return recording_json(record, account.exchange.dates, "http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("how", "channels"), [("record-from-answer-dual", 2), ("record-from-answer", 1)]
)
def test_the_customer_decrypts_what_was_recorded(tmp_path: Path, how: str, channels: int) -> None:
    account = on_vault(tmp_path, dialled(how))
    (record,) = recordings(account, "DialVerb")
    details = shown(account, record)["encryption_details"]
    assert set(details) == {"type", "public_key_sid", "encrypted_cek", "iv"}
    assert details["type"] == "rsa-aes"
    (key,) = account.service.resource_list("Credentials").all()
    assert details["public_key_sid"] == key.sid
    served = download(account.exchange.store, record)
    assert served.path is not None
    heard = decrypted(served.path.read_bytes(), details)
    recorded = media(account, record)
    assert len(recorded) == 2
    assert np.array_equal(heard, recorded if channels == 2 else downmix(recorded)[np.newaxis])
    for channel, said in enumerate((HELLO, YES)):
        assert place_of(recorded[channel], said) >= 0, "the store has it as it was recorded"
        if channels == 2:
            assert place_of(heard[channel], said) >= 0
    (told,) = account.app.asked("/recorded")
    assert json.loads(told["EncryptionDetails"]) == details
    assert told["RecordingStatus"] == "completed"
    for query, format, status, code in [
        (str(channels), "wav", 200, None),
        (str(3 - channels), "wav", 400, 20001),
        (None, "mp3", 400, 16109),
    ]:
        asked: Any = {"requested_channels": query, "format": format}
        answer = download(account.exchange.store, record, **asked)
        assert (answer.status, answer.code) == (status, code)
    assert not account.service.notifications
    account.service.recordings.delete(record.sid)
    with pytest.raises(MediaNotFound):
        account.exchange.store.encrypted_path(record.sid)


def test_what_the_weather_does_to_a_recording_is_in_what_the_customer_gets(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.webhooks.faults.begin(FaultRule(recorder_faults=(parse_fault("swapped"),)))
        await dialled("record-from-answer-dual")(account)

    account = on_vault(tmp_path, main)
    (record,) = recordings(account, "DialVerb")
    served = download(account.exchange.store, record).path
    assert served is not None
    heard = decrypted(served.read_bytes(), shown(account, record)["encryption_details"])
    assert place_of(heard[0], YES) >= 0
    assert np.array_equal(heard, media(account, record))
    assert len(account.exchange.store.truth(record.sid)["faults"]) == 1


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("first", "second"):
        account = on_vault(tmp_path / name, dialled("record-from-answer-dual"))
        (record,) = recordings(account, "DialVerb")
        encrypted = account.exchange.store.encrypted_path(record.sid).read_bytes()
        found.append((record.encryption, encrypted))
    assert found[0] == found[1]


def test_a_conference_of_such_an_account_has_one_channel(tmp_path: Path) -> None:
    account = on_vault(tmp_path, dialled("", room="room"))
    (record,) = recordings(account, "Conference")
    assert shown(account, record)["channels"] == 1
    assert record.layout.rule.rule_id == "conference-protected"
    assert record.encryption is not None


@pytest.mark.parametrize("processing", [0, 2])
def test_without_a_key_the_recording_is_not_kept(tmp_path: Path, processing: int) -> None:
    async def main(account: AccountStage) -> None:
        account.exchange.processing_ns = processing * 1_000_000_000
        await dialled("record-from-answer-dual")(account)
        await account.over()
        await asyncio.sleep(processing + 1)

    account = on_vault(tmp_path, main, keys=0)
    (record,) = recordings(account, "DialVerb")
    resource = shown(account, record)
    assert (resource["status"], resource["error_code"]) == ("absent", 16105)
    assert resource["encryption_details"] is None
    assert download(account.exchange.store, record).status == 404
    (told,) = account.app.asked("/recorded")
    assert (told["RecordingStatus"], told["ErrorCode"]) == ("failed", "16105")
    assert [each.error_code for each in account.service.notifications] == [16105]
    assert account.service.notifications[0].log == "0"


def test_a_configured_key_that_was_deleted_is_replaced_by_the_newest(tmp_path: Path) -> None:
    gone = VaultSettings(encrypts=True, public_key=read_public_key(pem(private_key(9))))
    account = on_vault(tmp_path, dialled("record-from-answer-dual"), gone, keys=3)
    (record,) = recordings(account, "DialVerb")
    *_, newest = account.service.resource_list("Credentials").all()
    details = shown(account, record)["encryption_details"]
    assert details["public_key_sid"] == newest.sid
    served = download(account.exchange.store, record).path
    assert served is not None
    assert np.array_equal(decrypted(served.read_bytes(), details, 2), media(account, record))
    (notification,) = account.service.notifications
    assert (notification.error_code, notification.log) == (16107, "0")
    assert newest.sid in notification.message_text


# -- storage elsewhere --------------------------------------------------------------------------


class Bucket:
    """A bucket that is a folder, or that refuses."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def put(self, name: str, file: Path) -> str:
        if self.folder is None:
            raise BucketRefused("access denied")
        where = self.folder / name
        where.parent.mkdir(parents=True)
        where.write_bytes(file.read_bytes())
        return f"https://bucket.example/{name}"


@pytest.mark.parametrize("encrypts", [False, True])
def test_a_recording_goes_to_the_customers_bucket(tmp_path: Path, encrypts: bool) -> None:
    bucket: MediaBucket = Bucket(tmp_path / "bucket")
    settings = VaultSettings(encrypts=encrypts, open_bucket=lambda _: bucket)
    account = on_vault(tmp_path / "own", dialled("record-from-answer-dual"), settings)
    (record,) = recordings(account, "DialVerb")
    name = f"{record.account_sid}/{record.sid}.wav"
    resource = shown(account, record)
    assert resource["media_url"] == f"https://bucket.example/{name}"
    assert resource["status"] == "completed"
    (told,) = account.app.asked("/recorded")
    assert told["RecordingUrl"] == resource["media_url"]
    stored = (tmp_path / "bucket" / name).read_bytes()
    details = resource["encryption_details"]
    heard = decrypted(stored, details) if encrypts else samples(stored)
    assert np.array_equal(heard, media(account, record))
    answer = download(account.exchange.store, record)
    assert (answer.status, answer.code) == (404, 20404)
    room = on_vault(tmp_path / "room", dialled("", room="room"), settings)
    assert recordings(room, "Conference")[0].layout.stored_channels == 1


def test_the_newest_credentials_of_the_account_open_the_bucket(tmp_path: Path) -> None:
    opened = []

    def open_bucket(given: CredentialRecord | None) -> MediaBucket:
        opened.append(given)
        return Bucket(tmp_path / "bucket")

    async def main(account: AccountStage) -> None:
        for secret in ("old", "new"):
            record = CredentialRecord(
                account.service.new_sid("CR"), account.service.sid, "aws", "", 0
            )
            record.access_key_id, record.secret_access_key = "id", secret
            account.service.resource_list("Credentials").add(record)
        await dialled("record-from-answer")(account)

    on_vault(tmp_path / "own", main, VaultSettings(open_bucket=open_bucket))
    assert [given and given.secret_access_key for given in opened] == ["new"]


def test_a_bucket_that_refuses_loses_nothing(tmp_path: Path) -> None:
    settings = VaultSettings(open_bucket=lambda _: Bucket(None))
    account = on_vault(tmp_path, dialled("record-from-answer-dual"), settings)
    (record,) = recordings(account, "DialVerb")
    resource = shown(account, record)
    assert resource["status"] == "completed"
    assert resource["media_url"].startswith("http://127.0.0.1:8080/")
    served = download(account.exchange.store, record).path
    assert served is not None
    assert np.array_equal(read_wav(served).pcm, media(account, record))
    (notification,) = account.service.notifications
    assert notification.log == "0"
    assert "access denied" in notification.message_text
    assert record.sid in notification.message_text


# -- keys that are wrong ------------------------------------------------------------------------


def test_a_key_is_read_however_it_was_sent() -> None:
    text = pem(private_key())
    body = "".join(text.splitlines()[1:-1])
    for sent in (
        text,
        text.replace("\n", "\r\n"),
        text.replace("\n", ""),
        body,
        text.replace("+", "%2B").replace("\n", "%0A"),
    ):
        assert read_public_key(sent) == text


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: "no key", "expected an RSA public key in X.509 PEM"),
        (lambda: pem(private_key())[:200], "expected an RSA public key in X.509 PEM"),
        (
            lambda: (
                private_key()
                .private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                .decode()
            ),
            "this is a private key",
        ),
        (
            lambda: (
                private_key()
                .public_key()
                .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
                .decode()
            ),
            "found BEGIN RSA PUBLIC KEY",
        ),
        (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "another algorithm"),
        (lambda: pem(rsa.generate_private_key(65537, 1024)), "2048 bits at least, found 1024"),
    ],
)
def test_a_wrong_key_is_told_what_would_be_right(made: Callable[[], str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_public_key(made())
