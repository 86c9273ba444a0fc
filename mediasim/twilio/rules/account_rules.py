"""The rules of an account: which numbers it may call and call from, and how many calls it may have.

Strict rules are those of a number plan that lists numbers. Without any, every number can be called,
from every number. All of them raise or return a :class:`TwilioError` with the code and the message
of Twilio's API; those about a Dial are notifications of its call, whose child fails.

Sources: Twilio's error dictionary (10004, 13214, 13224, 13227, 21210 to 21219), its pages of the
Call resource and of the Dial verb. Our choice: a Dial of a trial account to a number that is not
verified has 21219 too, a REST request beyond the calls at once is answered with 429, and a client's
call without a callerId is put through with a warning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from mediasim.documents.values import E164
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord, Direction, SidFactory
from mediasim.twilio.addresses import called, calling, dialled
from mediasim.twilio.error_dictionary import is_error
from mediasim.twilio.errors import TwilioError, bad_parameter, too_many, unavailable
from mediasim.twilio.phone_numbers import valid
from mediasim.twilio.requests import CallRequest
from mediasim.twilio.rules.call_queue import CallQueue
from mediasim.twilio.rules.permissions import DialingPermissions
from mediasim.twilio.rules.settings import CallLimits, RulesSettings
from mediasim.twilio.rules.trial import TEXT_PREFIX, preamble
from mediasim.twilio.session import CallSession

if TYPE_CHECKING:
    from mediasim.twilio.caller_ids import CallerIdManager
    from mediasim.twilio.session import CallDocuments

__all__ = ["AccountRules"]

_NOT_VERIFIED: Final = 21210
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212
_NOT_PERMITTED: Final = 21215
_TO_NOT_VERIFIED: Final = 21219
_CALLER_ID: Final = 13214
_DIAL_CODES: Final = {_INVALID_TO: 13224, _NOT_PERMITTED: 13227}
_TRUNK_CODES: Final = {_INVALID_TO: 32101, _NOT_PERMITTED: 32205, _TO_NOT_VERIFIED: 32100}
"""Codes of what a Dial or a trunk may not call, by those of the API."""
_INVALID_TRUNK_FROM: Final = 32206
_TRUNK_FROM_NOT_VERIFIED: Final = 32204
_TOO_MANY: Final = 10004
_TRIAL_FEATURE: Final = 10002
_TEXT_NOT_VERIFIED: Final = 21608
_OVERLOADED: Final = "this machine has no time left for more calls in real time"
_LOG: Final = logging.getLogger(__name__)
_TRIAL_CALLS: Final = 4
"""Calls at once of a trial account."""

_FROM_WORDS: Final = (
    "The source phone number provided, {}, is not yet verified for your account. You may only make"
    " calls from phone numbers that you've verified or purchased from Twilio."
)
_GEO_WORDS: Final = (
    "Account not authorized to call {}. Perhaps you need to enable some international permissions:"
    " https://www.twilio.com/console/voice/calls/geo-permissions/low-risk"
)
_TRIAL_WORDS: Final = (
    "The number {} is unverified. Trial accounts may only make calls to verified numbers."
)


class AccountRules:
    """The rules of one account; a subaccount has the main account's, and a queue of its own."""

    def __init__(self, account: CallDocuments, caller_ids: CallerIdManager) -> None:
        """Allow everything, until settings say otherwise."""
        self._account = account
        self._caller_ids = caller_ids
        self.settings = RulesSettings()
        self.permissions = DialingPermissions()
        self.test_sids = SidFactory(account.exchange.seeds.fork("test-credentials/sids"))
        """SIDs of what requests with test credentials show."""
        self.queue = CallQueue(account.exchange, lambda: self._limits.per_second)

    def of(self, account: CallDocuments) -> AccountRules:
        """Return the same rules for a subaccount."""
        other = AccountRules(account, self._caller_ids)
        other.settings, other.permissions = self.settings, self.permissions
        return other

    @property
    def _limits(self) -> CallLimits:
        return self.settings.limits

    @property
    def _judged(self) -> bool:
        """Whether numbers to call from are judged."""
        return self.settings.strict or self.settings.trial

    # -- numbers ----------------------------------------------------------------------------

    def numbers(self) -> Collection[str]:
        """Return the numbers that the account may call from: its own and verified ones."""
        sid = self._account.sid
        own = [each.phone_number for each in self._account.numbers.all() if each.account_sid == sid]
        return own + self.verified()

    def verified(self) -> list[str]:
        """Return the account's verified numbers."""
        records = self._caller_ids.records.all()
        return [each.phone_number for each in records if each.account_sid == self._account.sid]

    def addresses(self, request: CallRequest) -> tuple[str, str]:
        """Return To and From of a call by the API as Twilio writes them.

        Raises TwilioError if the account may not call, or not from there.
        """
        to, from_ = called(request.to), calling(request.from_)
        if request.by_twilio:
            return to, from_
        if (refusal := self._refused_to(to)) is not None:
            raise refusal
        if self._judged and not to.startswith(("sip:", "sips:")):  # whose caller ID may be any
            if _is_number(from_) and from_ not in self.numbers():
                raise bad_parameter(_FROM_WORDS.format(from_), _NOT_VERIFIED)
            if _is_number(to) and not _is_number(from_):
                words = f"The From phone number {from_[:60]} is not a valid phone number"
                raise bad_parameter(f"{words}: {to} is called by a number", _INVALID_FROM)
        return to, from_

    def _refused_to(self, number: str) -> TwilioError | None:
        """Return why a number cannot be called; None if it can, and for what is no number."""
        account = self._account
        if not _is_number(number) or account.own_number(number) is not None:
            return None
        settings, planned = self.settings, account.subscriber_of(number).party is not None
        if settings.strict and not planned and not valid(number):
            words = f"The phone number you are attempting to call, {number}, is not valid."
            return bad_parameter(words, _INVALID_TO)
        if not self.permissions.permits(number):
            return TwilioError(400, _NOT_PERMITTED, _GEO_WORDS.format(number))
        if settings.trial and number not in self.verified():
            return bad_parameter(_TRIAL_WORDS.format(number), _TO_NOT_VERIFIED)
        return None

    # -- Dial -------------------------------------------------------------------------------

    def child(
        self,
        parent: CallSession,
        address: str,
        caller_id: str,
        direction: Direction = "outbound-dial",
    ) -> tuple[str, bool]:
        """Return the number that a dialled call is shown, and whether it may be placed.

        If it may not, a notification of the parent says why.
        """
        record = parent.call.record
        from_ = dialled(caller_id) or caller_id or record.from_
        refusal = self._refused_to(address)
        if refusal is not None:
            codes = _DIAL_CODES if direction == "outbound-dial" else _TRUNK_CODES
            code = codes.get(refusal.code, refusal.code)
            refusal = TwilioError(refusal.status, code, refusal.message)
        if refusal is None:
            refusal = self._wrong_caller_id(record, address, caller_id)
            if refusal is not None and not (self._judged and caller_id):
                # Where every number is accepted, what is no number is shown as it is; and so is
                # the address of a client that calls without a callerId.
                parent.refused(refusal, warning=True)
                refusal = None
        if refusal is not None:
            parent.refused(refusal, warning=not is_error(refusal.code))
        return from_, refusal is None

    def _wrong_caller_id(
        self, record: CallRecord, address: str, caller_id: str
    ) -> TwilioError | None:
        """Return what is wrong with a Dial's callerId; None if it is right, or there is none."""
        words = "Dial: Invalid callerId value"
        found = dialled(caller_id)
        if caller_id and found is None:
            shown = "" if self._judged else "; it is shown so"
            why = f"{caller_id:.80} is no number{shown}"
            return bad_parameter(f"{words}: {why}", _CALLER_ID)
        if not self._judged or not _is_number(address):
            return None
        if found is None and not _is_number(record.from_) and record.direction == "inbound":
            why = f"a call from {record.from_:.60} to a number needs one; Twilio would not dial"
            return bad_parameter(f"{words}: {why}", _CALLER_ID)
        allowed = (record.from_, record.to, *self.numbers())
        if found is not None and found not in allowed:
            why = f"{found} is neither the calling nor the called number, nor one of the account's"
            return bad_parameter(f"{words}: {why}", _CALLER_ID)
        return None

    def wrong_trunk_caller(self, from_: str) -> TwilioError | None:
        """Return what is wrong with the caller of a trunk's call; None if nothing is."""
        if not _is_number(from_):
            words = f"SIP: Invalid From number (caller ID): {from_[:60]}"
            return bad_parameter(words, _INVALID_TRUNK_FROM)
        if self._judged and from_ not in self.numbers():
            words = f"SIP: 'From' phone number not verified: {from_}"
            return bad_parameter(words, _TRUNK_FROM_NOT_VERIFIED)
        return None

    # -- how many ---------------------------------------------------------------------------

    def check_capacity(self, what: str, parent: LiveCall | None = None) -> None:
        """Check that one more call can be carried and recorded.

        Raises TwilioError, after a notification for the developer, if it cannot. Active calls and
        their recordings are not affected.
        """
        account = self._account
        account.check_active()
        refusal = self._concurrency()
        why = "" if refusal is None else refusal.message
        if refusal is None and account.exchange.plane.overloaded():
            refusal, why = too_many(_OVERLOADED), _OVERLOADED
        elif refusal is None and (problem := account.storage_problem()) is not None:
            refusal, why = unavailable(problem), problem
        if refusal is None:
            return
        words = f"{what} is refused: {why}"
        account.notify(None if parent is None else parent.sid, refusal.code, words, warning=True)
        _LOG.warning(words)
        raise refusal

    def _concurrency(self) -> TwilioError | None:
        """Return why the account may not have one more call (429, 10004); None if it may."""
        most = self._limits.concurrent
        if most is None and self.settings.trial:
            most = _TRIAL_CALLS
        if most is None:
            return None
        calls = [each.call.record for each in self._account.sessions.values()]
        live = sum(
            each.account_sid == self._account.sid and each.status != "queued" for each in calls
        )
        if live < most:
            return None
        words = f"Call concurrency limit exceeded: {live} of {most} calls are active"
        return TwilioError(429, _TOO_MANY, words)

    # -- trials -----------------------------------------------------------------------------

    def begin(self, session: CallSession) -> None:
        """Set what a new call of the account does before its document."""
        record = session.call.record
        of_trunk = record.direction.startswith("trunking")  # that has no document to wait for
        if self.settings.trial and record.parent_call_sid is None and not of_trunk:
            session.preamble = preamble

    def check_caller(self, from_: str) -> None:
        """Check who calls in. Raises TwilioError (403, 21219) if a trial does not take the call."""
        own = self._account.own_number(from_) is not None
        if self.settings.trial and _is_number(from_) and not own and from_ not in self.verified():
            words = f"The number {from_} is unverified. Trial accounts take calls of verified ones."
            raise TwilioError(403, _TO_NOT_VERIFIED, words)

    def check_purchase(self) -> None:
        """Check that the account may have one more number. Raises TwilioError (400, 10002)."""
        sid, numbers = self._account.sid, self._account.numbers.all()
        if self.settings.trial and any(each.account_sid == sid for each in numbers):
            words = "Trial accounts do not support the feature you tried to use: a second number"
            raise bad_parameter(words, _TRIAL_FEATURE)

    def text_message(self, to: str, body: str) -> str:
        """Return a message's body as it is sent.

        Raises TwilioError (400, 21608) if a trial account may not send it there.
        """
        if not self.settings.trial:
            return body
        own = self._account.own_number(to) is not None
        if not own and to not in self.verified():
            words = f"The number {to} is unverified. Trial accounts cannot send messages to it"
            raise bad_parameter(words, _TEXT_NOT_VERIFIED)
        return TEXT_PREFIX + body


def _is_number(address: str) -> bool:
    return re.fullmatch(E164, address) is not None
