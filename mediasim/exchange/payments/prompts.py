"""The default prompts of a payment, by language.

The English ones follow the examples of Twilio's page of the Prompt noun; the others are translated
(our choice: Twilio does not publish its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mediasim.exchange.payments.cards import CARD_TYPES
from mediasim.exchange.payments.collection import Asking

__all__ = ["LANGUAGES", "prompt_text"]

LANGUAGES: Final = (
    *("en-AU", "en-CA", "en-GB", "en-IN", "en-US", "es-ES", "es-MX"),
    *("fr-CA", "fr-FR", "de-DE", "it-IT"),
)
"""The languages of the default prompts."""


@dataclass(frozen=True, slots=True)
class _Texts:
    steps: Mapping[str, str]
    """What is asked for, by step; {} is the number of digits of a security code."""
    errors: Mapping[str, str]
    """What is said before a step is asked for again, by error."""
    again: str
    """What is said before the same is asked for a second time."""
    processing: str
    confirmation: str
    """What asks to confirm; {} are the last digits."""


_ENGLISH: Final = _Texts(
    {
        "payment-card-number": "Please enter your credit card number.",
        "expiration-date": "Please enter your credit card's expiration date. Two digits for the"
        " month and two digits for the year.",
        "security-code": "Please enter your security code. It has {} digits.",
        "postal-code": "Please enter your billing zip code.",
        "bank-routing-number": "Please enter your bank routing number.",
        "bank-account-number": "Please enter your bank account number.",
    },
    {
        "input-timeout": "Sorry, nothing was entered.",
        "invalid-card-number": "You entered an invalid credit card number.",
        "invalid-card-type": "Sorry, this type of card is not accepted.",
        "invalid-date": "The date you entered was incorrect or is in the past.",
        "invalid-security-code": "That was an invalid security code.",
        "invalid-postal-code": "That was an invalid zip code.",
        "invalid-bank-routing-number": "That was an invalid bank routing number.",
        "invalid-bank-account-number": "That was an invalid bank account number.",
        "input-matching-failed": "Sorry, your two entries did not match.",
    },
    "Thank you. Once again:",
    "Thank you. Please wait while we process your payment.",
    "The last digits are {}. Press 1 to confirm, or 2 to cancel.",
)
_SPANISH: Final = _Texts(
    {
        "payment-card-number": "Por favor, introduzca el número de su tarjeta de crédito.",
        "expiration-date": "Por favor, introduzca la fecha de caducidad de su tarjeta. Dos dígitos"
        " para el mes y dos dígitos para el año.",
        "security-code": "Por favor, introduzca su código de seguridad. Tiene {} dígitos.",
        "postal-code": "Por favor, introduzca su código postal.",
        "bank-routing-number": "Por favor, introduzca el número de ruta de su banco.",
        "bank-account-number": "Por favor, introduzca el número de su cuenta bancaria.",
    },
    {
        "input-timeout": "Lo sentimos, no se ha introducido nada.",
        "invalid-card-number": "El número de tarjeta no es válido.",
        "invalid-card-type": "Lo sentimos, no aceptamos este tipo de tarjeta.",
        "invalid-date": "La fecha no es correcta o ya ha pasado.",
        "invalid-security-code": "El código de seguridad no es válido.",
        "invalid-postal-code": "El código postal no es válido.",
        "invalid-bank-routing-number": "El número de ruta no es válido.",
        "invalid-bank-account-number": "El número de cuenta no es válido.",
        "input-matching-failed": "Lo sentimos, los dos números no coinciden.",
    },
    "Gracias. Otra vez:",
    "Gracias. Por favor, espere mientras procesamos su pago.",
    "Los últimos dígitos son {}. Pulse 1 para confirmar, o 2 para cancelar.",
)
_FRENCH: Final = _Texts(
    {
        "payment-card-number": "Veuillez saisir le numéro de votre carte de crédit.",
        "expiration-date": "Veuillez saisir la date d'expiration de votre carte. Deux chiffres pour"
        " le mois et deux chiffres pour l'année.",
        "security-code": "Veuillez saisir votre code de sécurité. Il a {} chiffres.",
        "postal-code": "Veuillez saisir votre code postal.",
        "bank-routing-number": "Veuillez saisir le numéro d'acheminement de votre banque.",
        "bank-account-number": "Veuillez saisir le numéro de votre compte bancaire.",
    },
    {
        "input-timeout": "Désolé, rien n'a été saisi.",
        "invalid-card-number": "Le numéro de carte n'est pas valide.",
        "invalid-card-type": "Désolé, ce type de carte n'est pas accepté.",
        "invalid-date": "La date est incorrecte ou déjà passée.",
        "invalid-security-code": "Le code de sécurité n'est pas valide.",
        "invalid-postal-code": "Le code postal n'est pas valide.",
        "invalid-bank-routing-number": "Le numéro d'acheminement n'est pas valide.",
        "invalid-bank-account-number": "Le numéro de compte n'est pas valide.",
        "input-matching-failed": "Désolé, les deux saisies ne sont pas identiques.",
    },
    "Merci. Encore une fois :",
    "Merci. Veuillez patienter pendant le traitement de votre paiement.",
    "Les derniers chiffres sont {}. Appuyez sur 1 pour confirmer, ou sur 2 pour annuler.",
)
_GERMAN: Final = _Texts(
    {
        "payment-card-number": "Bitte geben Sie die Nummer Ihrer Kreditkarte ein.",
        "expiration-date": "Bitte geben Sie das Ablaufdatum Ihrer Karte ein. Zwei Ziffern für den"
        " Monat und zwei Ziffern für das Jahr.",
        "security-code": "Bitte geben Sie die Prüfnummer ein. Sie hat {} Ziffern.",
        "postal-code": "Bitte geben Sie Ihre Postleitzahl ein.",
        "bank-routing-number": "Bitte geben Sie Ihre Bankleitzahl ein.",
        "bank-account-number": "Bitte geben Sie Ihre Kontonummer ein.",
    },
    {
        "input-timeout": "Leider wurde nichts eingegeben.",
        "invalid-card-number": "Die Kartennummer ist ungültig.",
        "invalid-card-type": "Leider nehmen wir Karten dieser Art nicht an.",
        "invalid-date": "Das Datum ist falsch oder liegt in der Vergangenheit.",
        "invalid-security-code": "Die Prüfnummer ist ungültig.",
        "invalid-postal-code": "Die Postleitzahl ist ungültig.",
        "invalid-bank-routing-number": "Die Bankleitzahl ist ungültig.",
        "invalid-bank-account-number": "Die Kontonummer ist ungültig.",
        "input-matching-failed": "Leider stimmen die beiden Eingaben nicht überein.",
    },
    "Danke. Noch einmal:",
    "Danke. Bitte warten Sie, während wir Ihre Zahlung bearbeiten.",
    "Die letzten Ziffern sind {}. Drücken Sie 1 zum Bestätigen oder 2 zum Abbrechen.",
)
_ITALIAN: Final = _Texts(
    {
        "payment-card-number": "Inserisca il numero della sua carta di credito.",
        "expiration-date": "Inserisca la data di scadenza della sua carta. Due cifre per il mese e"
        " due cifre per l'anno.",
        "security-code": "Inserisca il codice di sicurezza. Ha {} cifre.",
        "postal-code": "Inserisca il suo codice postale.",
        "bank-routing-number": "Inserisca il codice della sua banca.",
        "bank-account-number": "Inserisca il numero del suo conto bancario.",
    },
    {
        "input-timeout": "Spiacenti, non è stato inserito nulla.",
        "invalid-card-number": "Il numero della carta non è valido.",
        "invalid-card-type": "Spiacenti, questo tipo di carta non è accettato.",
        "invalid-date": "La data è errata o già passata.",
        "invalid-security-code": "Il codice di sicurezza non è valido.",
        "invalid-postal-code": "Il codice postale non è valido.",
        "invalid-bank-routing-number": "Il codice della banca non è valido.",
        "invalid-bank-account-number": "Il numero del conto non è valido.",
        "input-matching-failed": "Spiacenti, i due numeri non coincidono.",
    },
    "Grazie. Ancora una volta:",
    "Grazie. Attenda mentre elaboriamo il suo pagamento.",
    "Le ultime cifre sono {}. Prema 1 per confermare, o 2 per annullare.",
)
_OF_LANGUAGE: Final[Mapping[str, _Texts]] = {
    "en": _ENGLISH,
    "es": _SPANISH,
    "fr": _FRENCH,
    "de": _GERMAN,
    "it": _ITALIAN,
}


def prompt_text(asking: Asking, language: str = "en-US") -> str:
    """Return what a party is asked in a language; one without prompts is asked in English."""
    texts = _OF_LANGUAGE.get(language.partition("-")[0].lower(), _ENGLISH)
    if asking.step == "payment-processing":
        return texts.processing
    if asking.step == "confirmation":
        return texts.confirmation.format(" ".join(asking.last_digits))
    card = CARD_TYPES.get(asking.card_type)
    asked = texts.steps[asking.step].format(3 if card is None else card.code_digits)
    first = texts.again if asking.again else texts.errors.get(asking.error or "", "")
    return f"{first} {asked}".strip()
