"""The parts of a config file that describe the account, its recordings and its SIP telephones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema

from mediasim.documents.durations import Duration, LongDuration, positive
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import NO, YES, Flag, Name, Number, Ratio, Text, UserName, count
from mediasim.exchange.answering_machine import AnsweredBy
from mediasim.sandbox.config_payments import PayConnectorSpec
from mediasim.sandbox.config_siprec import SiprecConnectorSpec
from mediasim.sandbox.config_values import Url
from mediasim.sandbox.external_storage import BucketPlace, read_place
from mediasim.twilio.requests import DetectionFaults
from mediasim.twilio.resources import AccountRecord
from mediasim.twilio.rules import DialingPermissions

__all__ = [
    "AccountConfig",
    "InsightsConfig",
    "RecordingsConfig",
    "SipAddress",
    "SipConfig",
    "StorageSpec",
    "Url",
    "read_sip_address",
    "secret_token",
]

_SIP_ADDRESS: Final = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?([0-9]{1,5})")
_SIP_HOST: Final = "127.0.0.1"
_NEWEST: Final = "newest"


def _sid(text: str) -> str:
    if re.fullmatch("AC[0-9a-f]{32}", text) is None:
        raise ValueError(f"expected AC and 32 hexadecimal digits, found {text[:60]!r}")
    return text


def _balance(text: str) -> str:
    if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,5})?", text) is None:
        raise ValueError(f"expected an amount such as 100.00, found {text[:60]!r}")
    return text


def _country(text: str) -> str:
    if text != "all" and DialingPermissions().find(text) is None:
        raise ValueError(f"expected a country's ISO code such as GB, or all, found {text[:60]!r}")
    return text


def _bucket(text: str) -> str:
    read_place(text)
    return text


def _encryption(value: object, info: ValidationInfo) -> str:
    """Return the public key of a PEM or of its file, ``newest`` for true, "" for false."""
    from mediasim.twilio.vault import read_public_key

    text = str(value).strip()
    if text.lower() in (*YES, *NO):
        return _NEWEST if text.lower() in YES else ""
    if "-----" in text:
        return read_public_key(text)
    file = Path() if info.context is None else info.context.base
    file /= text
    try:
        return read_public_key(file.read_text("ascii"))
    except OSError as error:
        words = f"{str(file)!r}: {error.strerror}"
        raise ValueError(f"expected a PEM file of a public key, or true, found {words}") from None
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from None


def secret_token(text: str) -> str:
    """Return a token that is long enough to be secret. Raises ValueError."""
    if re.fullmatch("[!-~]{8,128}", text) is None:
        raise ValueError("expected 8 to 128 printable ASCII characters without spaces")
    return text


_Encryption = Annotated[
    str,
    BeforeValidator(_encryption),
    WithJsonSchema({"type": ["string", "boolean"], "examples": ["public_key.pem", True]}),
]
_AccountSid = Annotated[Text, AfterValidator(_sid)]
_AuthToken = Annotated[Text, AfterValidator(secret_token)]


class MachineDetectionSpec(Model):
    """How verdicts of answering machine detection differ from what is heard. A bare text is the
    verdict."""

    stands_for: ClassVar[str] = "verdict"

    verdict: AnsweredBy | None = None
    """The verdict on every call; absent: as it is heard."""
    errors: Ratio = 0.0
    """Share of calls whose verdict is wrong, drawn by the seed."""

    @property
    def faults(self) -> DetectionFaults:
        """The account's settings that say so."""
        return DetectionFaults(self.verdict, self.errors)


class AccountConfig(Model):
    """The account. What is absent follows from the seed."""

    sid: _AccountSid | None = None
    """AC and 32 hexadecimal digits."""
    auth_token: _AuthToken | None = None
    """What requests are authenticated and webhooks are signed with."""
    friendly_name: Text = "mediasim sandbox"
    """What a person calls it."""
    balance: Annotated[Text, AfterValidator(_balance)] = "100.00"
    """Its balance in US dollars, which nothing is taken from."""
    caller_ids: Many[Number] = ()
    """Numbers that are verified caller IDs from the start."""
    machine_detection: MachineDetectionSpec = MachineDetectionSpec.model_construct()
    """How verdicts of answering machine detection differ from what is heard."""
    pay_connectors: Mapping[Name, PayConnectorSpec] = {}
    """What processes payments, by unique names; a payment that names none asks Default. Where there
    are none, a connector of any name says yes."""
    debugger: Url | None = None
    """Where each error and warning is posted, signed, as Twilio's debugger posts them."""
    strict: Flag | None = None
    """Whether numbers are judged: calls come from own or verified numbers, and go to valid ones in
    countries that may be called; absent: where the plan lists numbers."""
    countries: Many[Annotated[Text, AfterValidator(_country)]] = ()
    """ISO codes of countries that may be called, or all; absent: where numbers are judged the
    United States, Canada and those of the plan's numbers, else all."""
    calls_per_second: Annotated[int, count(0, 1000)] | None = None
    """How many calls that the API places are dialled in a second, the others wait as queued; 0: all
    at once. Absent: 1 where numbers are judged and the clock is not the real one, else 0."""
    concurrent_calls: Annotated[int, count(1, 1_000_000)] | None = None
    """Most calls at once, of which each leg is one; absent: as many as the machine carries, 4 for a
    trial."""
    trial: Flag = False
    """Whether it is a trial account, which calls and texts verified numbers alone."""
    test_sid: _AccountSid | None = None
    """AccountSid of the test credentials, whose requests create nothing."""
    test_auth_token: _AuthToken | None = None
    """Auth token of the test credentials."""

    def troubles(self) -> Iterator[Misfit]:
        if self.test_sid is not None and self.test_sid == self.sid:
            yield ("test_sid",), "expected another AccountSid than the account's own sid"

    def record(self, sid: str, auth_token: str, created_ns: int) -> AccountRecord:
        """Return the main account's record."""
        name, balance = self.friendly_name, self.balance
        record = AccountRecord(sid, auth_token, name, created_ns, balance=balance)
        record.type = "Trial" if self.trial else "Full"
        return record


class SipAddress(NamedTuple):
    """A host and its port, for UDP and TCP."""

    host: str
    port: int


def read_sip_address(text: str) -> SipAddress:
    """Read a SIP address: ``5060`` is this machine alone, ``192.168.1.5:5060`` an interface.

    Raises ValueError.
    """
    found = _SIP_ADDRESS.fullmatch(text.strip())
    if found is None or int(found[2]) > 65_535:
        raise ValueError(f"expected PORT or HOST:PORT, such as 5060, found {text[:60]!r}")
    return SipAddress((found[1] or _SIP_HOST).strip("[]"), int(found[2]))


def _sip_address(text: str) -> str:
    read_sip_address(text)
    return text


class SipConfig(Model):
    """SIP telephones. A bare text is where they are answered."""

    stands_for: ClassVar[str] = "listen"

    listen: Annotated[Text, AfterValidator(_sip_address)] | None = None
    """The port, or HOST:PORT, where they are answered; absent: nowhere, unless --sip says so."""
    users: Mapping[UserName, Text] = {}
    """Who may register, each with a password; sip:NAME@... then rings there."""
    siprec: Mapping[Text, SiprecConnectorSpec] = {}
    """SIPREC connectors by their unique names: where calls are forked to."""

    @property
    def address(self) -> SipAddress | None:
        """The address to listen on; None where the config names none."""
        return None if self.listen is None else read_sip_address(self.listen)


class InsightsConfig(Model):
    """What the account does with Voice Insights."""

    processing: Duration = Duration(0)
    """How long the summary of a call that has ended is partial; about 30m with Twilio."""


class StorageSpec(Model):
    """The customer's bucket that recordings go to. A bare text is the bucket."""

    stands_for: ClassVar[str] = "bucket"

    bucket: Annotated[Text, AfterValidator(_bucket)]
    """s3://bucket/folder, or https://bucket.s3.region.amazonaws.com/folder."""
    region: Text | None = None
    """Its region; absent: as the URL or AWS's environment variables say, else us-east-1."""
    endpoint: Url | None = None
    """The URL of what speaks S3's protocol; absent: as AWS_ENDPOINT_URL says, else AWS."""
    access_key_id: Text | None = None
    """The key that opens it; absent: the newest AWS credentials of the account, or else AWS's
    environment variables."""
    secret_access_key: Text | None = None
    """The key's secret."""

    def troubles(self) -> Iterator[Misfit]:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            given = "secret_access_key" if self.access_key_id is None else "access_key_id"
            yield (given,), "expected access_key_id and secret_access_key together"

    @property
    def place(self) -> BucketPlace:
        """Where the bucket is."""
        return read_place(self.bucket, self.region, self.endpoint)

    @property
    def keys(self) -> tuple[str, str] | None:
        """Key ID and secret; None where the file has none."""
        if self.access_key_id is None or self.secret_access_key is None:
            return None
        return self.access_key_id, self.secret_access_key


class RecordingsConfig(Model):
    """What the account does with recordings."""

    silent: Literal["keep", "discard"] | None = None
    """Whether a recording of nothing but silence is kept; absent: as the profile says."""
    processing: Duration = Duration.of("1s")
    """How long a recording that has ended is processed until its media can be had."""
    retention: Annotated[LongDuration, positive()] | None = None
    """How long after its beginning a recording is deleted by itself, such as 30d; absent: never."""
    encryption: _Encryption = ""
    """The public key that recordings are encrypted for: a PEM file, or the PEM itself; true: the
    newest that the account was given by REST."""
    storage: StorageSpec | None = None
    """The bucket that recordings go to, instead of being kept here."""

    @property
    def encrypts(self) -> bool:
        """Whether recordings are encrypted."""
        return bool(self.encryption)

    @property
    def public_key(self) -> str | None:
        """The key that they are encrypted for, in its normal form; None: the account's newest."""
        return None if self.encryption in ("", _NEWEST) else self.encryption
