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


def buttons(*pressed: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(pressed)}


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


def product_card(*pressed: dict[str, Any]) -> dict[str, Any]:
    return {"components": [{"type": "HEADER", "format": "PRODUCT"}, buttons(*pressed)]}


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
    template(
        "caribbean_sale",
        {"type": "HEADER", "format": "IMAGE"},
        {
            "type": "LIMITED_TIME_OFFER",
            "limited_time_offer": {"text": "Ends soon", "has_expiration": True},
        },
        body("{{1}}, 25 % off."),
        buttons(
            {"type": "COPY_CODE", "text": "Copy offer code", "example": ["CARIBE25"]},
            {"type": "URL", "text": "Book", "url": "https://acme.com/offers?code={{1}}"},
        ),
        category="MARKETING",
    ),
    template(
        "whenever",
        {
            "type": "LIMITED_TIME_OFFER",
            "limited_time_offer": {"text": "For you", "has_expiration": False},
        },
        body("Come by."),
        buttons({"type": "URL", "text": "Shop", "url": "https://acme.com/"}),
        category="MARKETING",
    ),
    template(
        "cart",
        {"type": "HEADER", "format": "TEXT", "text": "Forgot something, {{name}}?"},
        body("Use {{code}}."),
        buttons({"type": "MPM", "text": "View items"}),
        category="MARKETING",
        parameter_format="NAMED",
    ),
    template(
        "all_we_have",
        body("From {{1}}."),
        buttons({"type": "CATALOG", "text": "View catalog"}),
        category="MARKETING",
    ),
    template(
        "one_product",
        {"type": "HEADER", "format": "PRODUCT"},
        body("New: {{1}}."),
        buttons({"type": "SPM", "text": "View"}),
        category="MARKETING",
    ),
    template(
        "new_plants",
        body("For {{1}}."),
        {
            "type": "CAROUSEL",
            "cards": [
                product_card({"type": "SPM", "text": "View"}),
                product_card({"type": "SPM", "text": "View"}),
            ],
        },
        category="MARKETING",
    ),
    template(
        "new_shoes",
        body("New."),
        {
            "type": "CAROUSEL",
            "cards": [
                product_card({"type": "URL", "text": "Buy", "url": "https://acme.com/{{1}}"}),
                product_card({"type": "URL", "text": "Buy", "url": "https://acme.com/{{1}}"}),
            ],
        },
        category="MARKETING",
    ),
    template(
        "book_a_table",
        body("A table?"),
        buttons(
            {"type": "QUICK_REPLY", "text": "No"},
            {
                "type": "FLOW",
                "text": "Book",
                "flow_id": 1197715005513101,
                "flow_action": "NAVIGATE",
                "navigate_screen": "WELCOME",
            },
        ),
    ),
    template(
        "call_us",
        body("We are here."),
        buttons(
            {"type": "VOICE_CALL", "text": "Call now", "ttl_minutes": 1440},
            {"type": "URL", "text": "Help", "url": "https://acme.com/help"},
        ),
    ),
    template("may_we_call", body("{{1}}, may we call?"), {"type": "CALL_PERMISSION_REQUEST"}),
    template("your_number", body("May we have it?"), buttons({"type": "REQUEST_CONTACT_INFO"})),
    template(
        "login_by_tap",
        body("*{{1}}* is your code."),
        buttons(
            {
                "type": "URL",
                "text": "Autofill",
                "url": "https://www.whatsapp.com/otp/code/?otp_type=ONE_TAP&code=otp{{1}}",
            }
        ),
        category="AUTHENTICATION",
    ),
    template(
        "pay",
        body("Your bill."),
        buttons({"type": "ORDER_DETAILS", "text": "Review and pay"}),
    ),
    template("waiting", body("Not yet {{1}}."), status="PENDING"),
    template("refused", body("Never {{1}}."), status="REJECTED"),
    template("paused", body("Later {{1}}."), status="PAUSED"),
)
