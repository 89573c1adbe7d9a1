"""`kith connect whatsapp`: what it keeps, what it prints, what it refuses."""

from pathlib import Path

import pytest

from tests.cli.kith import Kith

GIVEN = {
    "--phone-number-id": "106540352242922",
    "--business-account-id": "102290129340398",
    "--access-token": "EAAG-secret-token",
    "--app-secret": "app-secret",
    "--verify-token": "verify-secret",
}


@pytest.fixture
def acme(sqlite_url: str) -> Kith:
    kith = Kith(database_url=sqlite_url, secret_key="of-the-tests")
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


def options(**changed: str) -> list[str]:
    given = GIVEN | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return [part for pair in given.items() for part in pair]


def test_it_prints_the_path(acme: Kith, tmp_path: Path) -> None:
    made = acme(
        "connect", "whatsapp", *options(graph_url="http://127.0.0.1:9999/"),
        "--phone-number-id", "106540352242923", "--json",
    ).json  # fmt: skip
    assert made["path"] == f"/in/{made['connection']}"
    assert made["config"] == {
        "phone_number_ids": ["106540352242922", "106540352242923"],
        "business_account_id": "102290129340398",
        "graph_url": "http://127.0.0.1:9999",
    }
    listed = acme("connect", "list", "--json").out
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("kith.db*"))
    for secret in ("EAAG-secret-token", "app-secret", "verify-secret"):
        assert secret not in listed
        assert secret.encode() not in stored


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"phone_number_id": "+15550783881"}, "phone number id must be an id of WhatsApp's"),
        ({"business_account_id": "x"}, "business account id must be an id of WhatsApp's"),
        ({"graph_url": "ftp://example.com"}, "graph url must be an address"),
        ({"app_secret": " "}, "app secret must hold"),
        ({"access_token": "s\u00e9cret"}, "access token must hold up to"),
    ],
)
def test_what_it_refuses(acme: Kith, changed: dict[str, str], problem: str) -> None:
    refused = acme("connect", "whatsapp", *options(**changed))
    assert refused.status == 1
    assert problem in refused.err


def test_a_number_has_one_connection(acme: Kith) -> None:
    first = acme("connect", "whatsapp", *options(), "--json").json
    refused = acme("connect", "whatsapp", *options())
    assert refused.status == 1
    assert first["connection"] in refused.err
    acme("connect", "remove", first["connection"])
    assert acme("connect", "whatsapp", *options()).status == 0


def test_numbers_write_to_phones_only_or_to_ids_as_well(acme: Kith) -> None:
    made = acme(
        "connect", "whatsapp", *options(), "--phone-number-id", "106540352242923", "--json"
    ).json["connection"]  # fmt: skip
    numbers = ["106540352242922", "106540352242923"]
    for option, phones_only in (("--phones-only", True), ("--write-to-ids", False)):
        changed = acme("connect", "change-whatsapp", made, option, "--json").json
        assert changed == {
            "connection": made, "phone_number_ids": numbers, "phones_only": phones_only,
            "may_send": False,
        }  # fmt: skip
    one = ("--phone-number-id", numbers[1])
    told = acme("connect", "change-whatsapp", made, "--phones-only", *one)
    assert told.out == f"{numbers[1]}: writes to phones only from now on.\n"
    assert acme("connect", "change-whatsapp", made).status == 2, "something must be said"
    both = acme("connect", "change-whatsapp", made, "--write-to-ids", "--may-send", *one)
    assert both.out == (
        f"{numbers[1]}: writes to phones and WhatsApp's ids of people from now on.\n"
        f"{numbers[1]}: may send again, unless WhatsApp says otherwise.\n"
    )
    mended = acme("connect", "change-whatsapp", made, "--may-send", "--json").json
    assert mended == {
        "connection": made, "phone_number_ids": numbers, "phones_only": None, "may_send": True,
    }  # fmt: skip
    wrong = acme("connect", "change-whatsapp", made, "--phones-only", "--phone-number-id", "4711")
    assert (wrong.status, "one of the connection's: 1065403522" in wrong.err) == (1, True)
    other = acme("connect", "zapier", "--json").json["connection"]
    refused = acme("connect", "change-whatsapp", other, "--phones-only")
    assert (refused.status, "not with WhatsApp" in refused.err) == (1, True)


def test_secrets_are_rotated_one_by_one(acme: Kith) -> None:
    made = acme("connect", "whatsapp", *options(), "--json").json["connection"]
    assert acme("connect", "rotate", made, "--access-token", "the-next").status == 0
    wrong = acme("connect", "rotate", made, "--secret", "of-a-shop")
    assert wrong.status == 1
