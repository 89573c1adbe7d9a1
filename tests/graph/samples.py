"""Templates as Meta lists them: every kind of component, every state."""

import zlib
from typing import Any


def template(
    name: str,
    *components: dict[str, Any],
    language: str = "en",
    category: str = "UTILITY",
    status: str = "APPROVED",
    **more: Any,
) -> dict[str, Any]:
    return {
        "id": str(zlib.crc32(f"{name} {language}".encode())),
        "name": name,
        "language": language,
        "category": category,
        "status": status,
        "parameter_format": "POSITIONAL",
        "components": list(components),
        "quality_score": {"score": "GREEN"},
        **more,
    }


def body(text: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text}


ORDER = template(
    "order_confirmation",
    {"type": "HEADER", "format": "TEXT", "text": "Order update"},
    body("Hi {{1}}, your order {{2}} ships tomorrow. Track it: {{3}}"),
    {"type": "FOOTER", "text": "Reply STOP to unsubscribe."},
    {
        "type": "BUTTONS",
        "buttons": [{"type": "URL", "text": "Track order", "url": "https://acme.com/track/{{1}}"}],
    },
)
ORDER_FR = template(
    "order_confirmation",
    body("Bonjour {{1}}, votre commande {{2}} part demain. Suivi : {{3}}"),
    language="fr",
)
OFFER = template(
    "spring_offer",
    body("Hi {{first_name}}, {{discount}} off until Sunday."),
    {"type": "FOOTER", "text": "Reply STOP to unsubscribe."},
    category="MARKETING",
    parameter_format="NAMED",
)
HELLO = template("hello_world", body("Hello World"))


def card(media: str, *buttons: dict[str, Any], text: str) -> dict[str, Any]:
    header = {"type": "HEADER", "format": media}
    return {"components": [header, body(text), {"type": "BUTTONS", "buttons": list(buttons)}]}


TEMPLATES = (
    ORDER,
    ORDER_FR,
    OFFER,
    HELLO,
    template("receipt", {"type": "HEADER", "format": "DOCUMENT"}, body("Your receipt, {{1}}.")),
    template(
        "catalogue", {"type": "HEADER", "format": "IMAGE"}, body("New."), category="MARKETING"
    ),
    template("film", {"type": "HEADER", "format": "VIDEO"}, body("Watch {{1}}.")),
    template("find_us", {"type": "HEADER", "format": "LOCATION"}, body("We moved.")),
    template(
        "voucher",
        {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"},
        body("Your code, {{1}}: {{2}}."),
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Thanks"},
                {"type": "COPY_CODE", "example": "SPRING25"},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550783881"},
                {"type": "URL", "text": "Shop", "url": "https://acme.com/"},
            ],
        },
    ),
    template(
        "our_picks",
        body("Picked for {{1}}."),
        {
            "type": "CAROUSEL",
            "cards": [
                card(
                    "IMAGE",
                    {"type": "QUICK_REPLY", "text": "More like this"},
                    {"type": "URL", "text": "Buy", "url": "https://acme.com/p/{{1}}"},
                    text="{{1}} for {{2}}.",
                ),
                card(
                    "IMAGE",
                    {"type": "QUICK_REPLY", "text": "More like this"},
                    {"type": "URL", "text": "Buy", "url": "https://acme.com/p/{{1}}"},
                    text="Last one.",
                ),
            ],
        },
        category="MARKETING",
    ),
    template(
        "login",
        body("{{1}} is your code."),
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}]},
        category="AUTHENTICATION",
    ),
    template("waiting", body("Not yet {{1}}."), status="PENDING"),
    template("refused", body("Never {{1}}."), status="REJECTED"),
    template("paused", body("Later {{1}}."), status="PAUSED"),
)
