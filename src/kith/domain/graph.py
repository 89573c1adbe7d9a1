"""Meta's Graph API as far as Kith must understand it: where it is, and why it refuses a message.

Every refusal is on one list (reference 4.4, the field's section 3), with what it means for the
next try and for the contact. A code that is not on it means nothing but that this message failed.
"""

from typing import Literal

import msgspec

URL_DEFAULT = "https://graph.facebook.com"
VERSION = "v24.0"

Again = Literal["never", "later"]
"""Whether the same message may be tried again: Meta took nothing, and will later.

`later` is only what Meta's own documents, or the error itself (`is_transient`), say to repeat: an
error object stands in place of the id of a message, so that none was taken. A failure of Meta's of
which neither says so is no refusal: nobody knows what became of the message, and it is never told
again.
"""
Means = Literal[
    "",
    "number_unavailable",
    "number_busy",
    "marketing_paused",
    "pair_busy",
    "country_restricted",
    "not_on_whatsapp",
    "meta_stopped",
    "frequency_capped",
    "experiment",
    "meta_refused",
]
"""What else it says: of the business number, or of the contact; blank is nothing."""


class Code(msgspec.Struct, frozen=True):
    """`title` is Meta's own, in short."""

    title: str
    means: Means = ""
    again: Again = "never"
    is_of_spelling: bool = False
    """Whether another spelling of the number may be known."""


CODES: dict[int, Code] = {
    0: Code("Authentication failed"),
    1: Code("Temporary problem at Meta", again="later"),
    2: Code("Meta's service is temporarily unavailable", again="later"),
    3: Code("Capability or permission missing"),
    4: Code("Too many calls of the app", "number_busy", "later"),
    10: Code("Permission denied"),
    100: Code("Invalid parameter"),
    190: Code("Access token expired or invalid"),
    200: Code("Permission denied"),
    368: Code("Temporarily blocked for policy violations", "number_unavailable"),
    80007: Code("Rate limit of the account hit", "number_busy", "later"),
    130429: Code("Rate limit hit", "number_busy", "later"),
    130472: Code("User's number is part of an experiment", "experiment"),
    130497: Code("Business account is restricted in this country", "country_restricted"),
    131000: Code("Something went wrong", again="later"),
    131005: Code("Access denied"),
    131008: Code("Required parameter is missing"),
    131009: Code("Parameter value is not valid"),
    131016: Code("Service unavailable", again="later"),
    131021: Code("Recipient cannot be sender"),
    131026: Code("Message undeliverable", "not_on_whatsapp", is_of_spelling=True),
    131030: Code("Recipient is not on the list of the test number", is_of_spelling=True),
    131031: Code("Account has been locked", "number_unavailable"),
    131042: Code("Business eligibility payment issue", "number_unavailable"),
    131045: Code("Phone number is not registered rightly", "number_unavailable"),
    131047: Code("Re-engagement message", "meta_refused"),
    131048: Code("Spam rate limit hit", "marketing_paused"),
    131049: Code("Not delivered to keep the ecosystem healthy", "frequency_capped"),
    131050: Code("The person stopped marketing messages of this business", "meta_stopped"),
    131051: Code("Unsupported message type"),
    131052: Code("Media download error"),
    131053: Code("Media upload error"),
    131056: Code("Pair rate limit hit", "pair_busy", "later"),
    131057: Code("Account in maintenance mode", again="later"),
    131062: Code("This message needs a phone number"),
    131063: Code("Marketing templates are disabled on this API"),
    131064: Code("Quality of the account limits marketing", "marketing_paused"),
    132000: Code("Template parameter count mismatch"),
    132001: Code("Template does not exist in the translation"),
    132005: Code("Template text too long"),
    132007: Code("Template format or character policy violated"),
    132012: Code("Template parameter format mismatch"),
    132015: Code("Template is paused"),
    132016: Code("Template is disabled"),
    132018: Code("Template parameter holds what it may not"),
    133010: Code("Phone number not registered", "number_unavailable"),
    135000: Code("Generic user error", again="later"),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calls they are: `number_id` sends, `account_id` is the business account's. `token` is
    a secret."""

    graph_url: str
    number_id: str
    account_id: str
    token: str

    def __repr__(self) -> str:
        return f"Account({self.number_id})"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Meta's own word on a message that it did not take or did not deliver.

    `is_transient`: it says itself that it is to be told again.
    """

    code: int
    title: str
    details: str | None = None
    is_transient: bool = False

    @property
    def known(self) -> Code:
        return CODES.get(self.code) or Code(
            self.title, again="later" if self.is_transient else "never"
        )


def refusal(
    code: int,
    told: str | None = None,
    details: str | None = None,
    *,
    is_transient: bool = False,
) -> Refusal:
    """By our title where the code is known: the same text whoever refuses."""
    known = CODES.get(code)
    title = known.title if known is not None else told or f"Error {code}"
    return Refusal(code=code, title=title, details=details, is_transient=is_transient)
