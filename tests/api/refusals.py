"""The refusals' bodies as the contract shows them (reference section 4, reliability section 2)."""

import httpx

UNAUTHENTICATED = {"message": "Unauthenticated.", "error": "Unauthenticated."}
FORBIDDEN = {"message": "Invalid scope(s) provided.", "error": "Invalid scope(s) provided."}
NOT_FOUND = {"error": "Contact not found"}
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
