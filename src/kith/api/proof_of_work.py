"""Proof of work: a page finds a number before it may ask, which costs it a moment and a flood much.

ALTCHA's protocol, version 2. The number is drawn from a fixed span, so that no visitor waits long.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kith.domain import json
from kith.errors import AppError, BadValue

COUNTS_FOR = timedelta(minutes=30)
"""How long a challenge may be answered; a page asks for another one then."""
COUNTERS = 200_000
"""Hashes at most: a tenth of a second on a desktop, about one on a cheap phone."""
CHARACTERS_MAX = 4_096
PROBLEM = "is not one for a challenge that counts; ask for a new one."


def challenge(secret: str, now: datetime) -> Mapping[str, Any]:
    """What a page has to solve, signed."""
    import altcha  # not at the start: only who has a form on a page pays for it

    made = altcha.create_challenge(
        "SHA-256",
        1,
        counter=secrets.randbelow(COUNTERS),
        expires_at=now + COUNTS_FOR,
        hmac_secret=secret,
    )
    found: Mapping[str, Any] = made.to_dict()
    return found


def spent(proof: object, keys: Sequence[str]) -> str:
    """By what a good proof is known, so that it counts once; raises BadValue."""
    import altcha

    if not isinstance(proof, str) or len(proof) > CHARACTERS_MAX:
        raise BadValue(PROBLEM)
    try:
        given = json.decode(base64.b64decode(proof, validate=True))
        payload = altcha.Payload(
            altcha.Challenge.from_dict(given["challenge"]),  # type: ignore[index]
            altcha.Solution.from_dict(given["solution"]),  # type: ignore[index]
        )
        is_good = any(altcha.verify_solution(payload, key).verified for key in keys)
    except (AppError, binascii.Error, AttributeError, KeyError, TypeError, ValueError):
        is_good = False
    if not is_good:
        raise BadValue(PROBLEM)
    return str(payload.challenge.parameters.nonce)
