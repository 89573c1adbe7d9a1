"""The refusals' bodies as the contract shows them (reference section 4, reliability section 2)."""

import httpx

UNAUTHENTICATED = {"message": "Unauthenticated.", "error": "Unauthenticated."}
FORBIDDEN = {"message": "Invalid scope(s) provided.", "error": "Invalid scope(s) provided."}
NOT_FOUND = {"error": "Contact not found"}
NO_SUCH_ID = {"error": "Contact not found: no contact has this contact_id."}
NO_SUCH_PHONE = {
    "error": "Contact not found: no contact has this phone. Give contact_id without it."
}
"""Where both are given."""
TOO_MANY = {"message": "Too Many Attempts.", "error": "Too Many Attempts."}
INVALID = "The given data was invalid."


def is_both(answer: httpx.Response) -> bool:
    """`message` and `error`, in this order and with the same text."""
    body = answer.json()
    return list(body) == ["message", "error"] and body["message"] == body["error"] != ""


def assert_invalid(answer: httpx.Response, *fields: str) -> None:
    """The validation shape, naming exactly these fields, each with at least one sentence."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert list(body) == ["message", "errors"], body
    assert body["message"] == INVALID
    assert sorted(body["errors"]) == sorted(fields), body
    for texts in body["errors"].values():
        assert texts
        assert all(isinstance(text, str) and text.endswith(".") for text in texts)


def assert_neither(answer: httpx.Response, *more: str) -> None:
    """Nothing says which contact is meant: the contract's words, and both fields named.

    `more` are the fields that are wrong besides.
    """
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert list(body) == ["message", "error", "errors"], body
    assert body["message"] == INVALID
    assert body["error"] == "Neither contact_id nor phone provided"
    assert sorted(body["errors"]) == sorted(["contact_id", "phone", *more]), body
    assert all(text.endswith(".") for texts in body["errors"].values() for text in texts)
