"""Pay: asks the caller for a card or a bank account by keys, and has the payment processed.

The keys are secret: events, logs and the truth do not show them, and their tones are taken out of
recordings and streams. Where Twilio's pages leave room we chose: ``#`` ends what is being entered;
``maxAttempts`` counts the times that a step is asked again, as the page says in words; digits of
cards are masked without dashes; the last status callback has the result, as the action has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.payments import (
    Asking,
    Collection,
    PaymentDetails,
    PaymentMethod,
    PaymentRequest,
    payment_ended,
)
from mediasim.exchange.payments import prompt_text as default_prompt
from mediasim.exchange.waiting import CallEnded, over
from mediasim.twilio.payments import (
    DEFAULT_CONNECTOR,
    INVALID_OPERATION,
    INVALID_PARAMETER,
    PAY_STATUS,
    PayConnector,
    PaymentOrder,
    PaymentRefused,
    process,
)
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.twiml import PAY, PROMPT, SCHEMA, Value, Verb
from mediasim.twilio.verbs.action import ended_with
from mediasim.twilio.verbs.basic import Interrupted, Stop, pause, play, say
from mediasim.twilio.verbs.record import callback_of

__all__ = ["pay"]

_SOUNDS: Final = {"Say": say, "Play": play, "Pause": pause}
_FLAGS: Final = ("true", "false", "")
_CODE_MASK: Final = "*"
"""What the verb shows in place of each digit of a security code."""
_PROMPT_ERRORS: Final = {"input-timeout": ("timeout", "input-timeout")}
"""Names of errors in the attributes of Prompt, where they are others than in callbacks."""


@executes("Pay")
async def pay(session: CallSession, verb: Verb) -> FollowUp | None:
    """Take a payment; then the action gives the next document. Raises CallEnded."""
    payments, wrong = session.account.payments, _wrong(verb)
    verb = _read(session, verb)
    order = _order(verb)
    connector = payments.connector(order.connector)
    payment = _Payment(session, verb, order)
    await payments.settled(session.call.sid)
    try:
        if payments.busy(session.call.sid):
            payment.report(None, error="session-in-progress")
            raise PaymentRefused(INVALID_OPERATION, "session-in-progress")
        if wrong is not None:
            raise wrong
        order.check(connector)
    except PaymentRefused as refused:
        session.account.notify(
            session.call.sid,
            refused.code,
            f"Pay: {refused.message}",
            session.base,
            delivery=session.delivery,
            line=verb.line,
        )
        params = [("PaymentError", refused.message), ("PayErrorCode", str(refused.code))]
        return await payment.end([("Result", "validation-error"), *params])
    assert connector is not None
    return await payment.end(await payment.take(connector))


def _wrong(verb: Verb) -> PaymentRefused | None:
    """Return why a payment is refused whose attributes have a wrong value; None if none has."""
    for name, written in verb.attributes.items():
        if PAY[name].read(written) is None:
            words = f"{name}='{written[:60]}' (not {PAY[name].wanted})"
            return PaymentRefused(INVALID_PARAMETER, words)
    return None


def _read(session: CallSession, verb: Verb) -> Verb:
    """Return a verb and its prompts with their attributes read; wrong ones are left out.

    A wrong one of a prompt leaves a warning.
    """
    prompts = [noun for noun in verb.children if noun.name == "Prompt"]
    for noun in prompts:
        for name, written in noun.attributes.items():
            if PROMPT[name].read(written) is None:
                words = f"Prompt: {name}={written[:60]!r} is not {PROMPT[name].wanted}"
                session.warn(SCHEMA, words, noun.line)
    children = tuple(_only(noun, PROMPT) if noun in prompts else noun for noun in verb.children)
    return replace(_only(verb, PAY), children=children)


def _only(verb: Verb, kinds: Mapping[str, Value]) -> Verb:
    """Return a verb with the attributes that are valid, in their normal form."""
    read = {name: kinds[name].read(written) for name, written in verb.attributes.items()}
    valid = {name: value for name, value in read.items() if value is not None}
    return replace(verb, attributes=valid)


def _order(verb: Verb) -> PaymentOrder:
    """Return the payment that a verb orders."""
    by_account = verb.attribute("paymentMethod") == "ach-debit"
    method: PaymentMethod = "ach-debit" if by_account else "credit-card"
    postal = verb.attribute("postalCode", "true").strip()
    twice = [
        noun.attribute("for")
        for noun in verb.children
        if noun.name == "Prompt" and noun.flag("requireMatchingInputs", False)
    ]
    asked = PaymentRequest()
    request = PaymentRequest(
        method=method,
        security_code=verb.flag("securityCode", True),
        postal_code=postal if postal.lower() not in _FLAGS else postal.lower() != "false",
        least_postal=verb.number("minPostalCodeLength", 0) or None,
        card_types=verb.words("validCardTypes", " ".join(asked.card_types)),
        matching=tuple(dict.fromkeys((*verb.words("requireMatchingInputs"), *twice))),
        confirmation=verb.flag("confirmation", False),
        timeout_ns=verb.seconds("timeout", 5) * NS_PER_SECOND,
        retries=verb.number("maxAttempts", 1),
    )
    return PaymentOrder(
        request=request,
        connector=verb.attribute("paymentConnector") or DEFAULT_CONNECTOR,
        amount=verb.attribute("chargeAmount"),
        currency=verb.attribute("currency") or "usd",
        token_type=verb.attribute("tokenType", "reusable"),
        description=verb.attribute("description"),
        bank_account_type=verb.attribute("bankAccountType"),
        parameters=dict(verb.parameters()),
    )


class _Payment:
    """The payment that a verb takes of a call's party."""

    def __init__(self, session: CallSession, verb: Verb, order: PaymentOrder) -> None:
        self._session = session
        self._verb = verb
        self._order = order
        self._callback: Callback | None = callback_of(verb, session, "statusCallback")
        self._details: PaymentDetails | None = None
        self._hung_up = False

    async def take(self, connector: PayConnector) -> Params:
        """Ask for everything and have it processed; return the result's parameters."""
        session, order = self._session, self._order
        collection = Collection(session, order.request, self._prompt, self.report)
        self._details = collection.details
        result = await collection.run()
        if result != "success":
            self._hung_up = result == "caller-hung-up"
            error = [("PaymentError", collection.error)] if collection.error else []
            return [("Result", result), *error]
        asking = Asking("payment-processing")
        self.report(asking)
        prompting = session.spawn(self._prompt(asking, None))
        done = await process(
            session.account, session.call.sid, connector, order, collection.details
        )
        try:
            await session.until(over(prompting))
        except CallEnded:
            self._hung_up = True  # what was processed is told all the same
        return done.params()

    async def end(self, result: Params) -> FollowUp | None:
        """Report the result, and return the document of the action. Raises CallEnded."""
        session, verb = self._session, self._verb
        params = [*result, *self._shown()]
        payment_ended(session.call, dict(result)["Result"])
        if self._details is not None:
            self._details.forget()
        self._send(params)
        source = session.source(verb.attribute("action") or session.base, verb)
        if self._hung_up or not session.call.active:
            raise await ended_with(session, FollowUp(source, params))
        return FollowUp(source, params)

    def report(self, asking: Asking | None, error: str | None = None) -> None:
        """Send a status callback about a step that begins, or about an error without any."""
        params: Params = []
        if asking is not None:
            params += [("For", asking.step), ("Attempt", str(asking.attempt))]
            error = error or asking.error
        if error:
            params.append(("ErrorType", error))
        self._send([*params, *self._shown()])

    def _send(self, params: Params) -> None:
        if self._callback is None:
            return
        record, account = self._session.call.record, self._session.account
        common = [
            ("AccountSid", record.account_sid),
            ("CallSid", record.parent_call_sid or record.sid),
        ]
        account.send_callback(self._callback, [*common, *params], PAY_STATUS, record.sid)

    def _shown(self) -> Params:
        """Return the payment's method, and what was entered, masked."""
        params: Params = [("PaymentMethod", self._order.request.method)]
        if self._order.account_type:
            params.append(("BankAccountType", self._order.account_type))
        return params + ([] if self._details is None else self._details.shown(_CODE_MASK))

    # -- prompts ------------------------------------------------------------------------------

    async def _prompt(self, asking: Asking, stop: Stop | None) -> None:
        """Play the prompt of a step: the verb's own if there is one that suits, or the default."""
        session, own = self._session, self._own_prompt(asking)
        try:
            if own is not None:
                for sound in own.children:
                    await _SOUNDS[sound.name](session, sound, stop)
                return
            language = self._verb.attribute("language", "en-US")
            text = default_prompt(asking, language)
            pcm = await session.account.studio.say(text, "", language)
            stops = [] if stop is None else [stop]
            await session.play(pcm, "speech", *stops, text=text)
        except Interrupted:
            return

    def _own_prompt(self, asking: Asking) -> Verb | None:
        """Return the noun for a step that fits best: the one that names most of how it is asked."""
        error = asking.error or ""
        names = _PROMPT_ERRORS.get(error, (error,))
        best, most = None, -1
        for noun in self._verb.children:
            if noun.name != "Prompt" or noun.attribute("for") != asking.step:
                continue
            errors, cards = noun.words("errorType"), noun.words("cardType")
            attempts = noun.words("attempt")
            fits = (
                (not errors or any(name in errors for name in names))
                and (not cards or asking.card_type in cards)
                and (not attempts or str(asking.attempt) in attempts)
                and noun.flag("requireMatchingInputs", False) == asking.again
            )
            named = 4 * bool(errors) + 2 * bool(attempts) + bool(cards)
            if fits and named > most:
                best, most = noun, named
        return best
