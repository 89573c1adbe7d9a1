"""`kith connect widget` and `change-widget`: forms on web pages."""

import pytest

from tests.cli.kith import Kith

ORIGIN = ("--origin", "https://shop.example")


@pytest.fixture
def acme(database_url: str) -> Kith:
    """Commands where Acme Co. is the only workspace."""
    kith = Kith(database_url=database_url, secret_key="the-key-of-the-tests")
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


def test_an_origin_is_enough(acme: Kith) -> None:
    made = acme("connect", "widget", *ORIGIN, "--json")
    assert made.status == 0, made.err
    assert made.json["path"] == f"/in/{made.json['connection']}"
    assert (made.json["system"], made.json["name"]) == ("widget", "widget")
    assert made.json["config"] == {
        "origins": ["https://shop.example"],
        "wording_version": "default-1",
        "whatsapp": None,
        "tags": [],
    }
    [listed] = acme("connect", "list", "--json").json
    assert listed == {**made.json, "workspace": "Acme Co."}


def test_all_of_it(acme: Kith) -> None:
    given = ("--wording", "Yes.", "--wording-version", "2026-11", "--whatsapp", "+1 415 555-0100",
             "--tag", "news", "--tag", "web", "--tag", "news", "--name", "Shop",
             "--origin", "HTTPS://Www.Shop.example:443/")  # fmt: skip
    made = acme("connect", "widget", *ORIGIN, *given, "--json").json
    assert made["name"] == "Shop"
    assert made["config"] == {
        "origins": ["https://shop.example", "https://www.shop.example"],
        "wording_version": "2026-11",
        "whatsapp": "+14155550100",
        "tags": ["news", "web"],
    }


def test_the_line_to_paste(acme: Kith) -> None:
    told = acme("connect", "widget", *ORIGIN).out
    [listed] = acme("connect", "list", "--json").json
    assert f'widget.js" data-key="{listed["connection"]}" async></script>' in told
    assert "give your number with" in told
    assert "give your number" not in acme(
        "connect", "widget", *ORIGIN, "--whatsapp", "+14155550100"
    ).out  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("--origin", "shop.example"), "The origin must be the scheme and host of a web page"),
        (("--origin", "https://shop.example/x"), "The origin must be the scheme and host"),
        (("--origin", "*"), "The origin must be the scheme and host"),
        (("--origin", "ftp://shop.example"), "The origin must be the scheme and host"),
        (("--origin", "https://a@shop.example"), "The origin must be the scheme and host"),
        (("--whatsapp", "call me"), "The whatsapp must be a phone number"),
        (("--wording", " "), "The wording may not be blank."),
        (("--wording", "x" * 2_001), "The wording may not be greater than 2000 characters."),
        (("--wording-version", "2"), "The wording of this version is missing"),
        (("--wording", "x", "--wording-version", "y" * 65), "The wording version may not be"),
        (("--tag", "a,b"), "The tag may not contain a comma"),
    ],
)
def test_what_is_refused(acme: Kith, given: tuple[str, ...], problem: str) -> None:
    refused = acme("connect", "widget", *ORIGIN, *given)
    assert (refused.status, refused.out) == (1, "")
    assert problem in refused.err
    assert acme("connect", "list", "--json").json == []


def test_without_an_origin_it_is_wrong_usage(acme: Kith) -> None:
    refused = acme("connect", "widget")
    assert refused.status == 2
    assert "Give at least one --origin" in refused.err


def test_a_wording_has_one_text_for_ever(acme: Kith) -> None:
    made = acme("connect", "widget", *ORIGIN, "--wording", "One.", "--json").json
    change = ("connect", "change-widget", made["connection"])
    assert made["config"]["wording_version"] == "1"
    refused = acme(*change, "--wording", "Two.", "--wording-version", "1")
    assert refused.status == 1
    assert "Version 1 has another wording" in refused.err
    refused = acme(*change, "--wording", "Two.")
    assert "The wording version is missing" in refused.err
    refused = acme(*change, "--wording-version", "2")
    assert "The wording of this version is missing" in refused.err
    two = acme(*change, "--wording", "Two.", "--wording-version", "2", "--json").json
    assert two["config"] == {**made["config"], "wording_version": "2"}
    back = acme(*change, "--wording-version", "1", "--json").json
    assert back["config"] == made["config"]
    same = acme(*change, "--wording", "One.", "--wording-version", "1")
    assert same.status == 0
    assert "asks with version 1 on https://shop.example" in same.out


def test_the_rest_may_change_too(acme: Kith) -> None:
    made = acme("connect", "widget", *ORIGIN, "--json").json
    change = ("connect", "change-widget", made["connection"], "--json")
    config = acme(*change, "--whatsapp", "+14155550100", "--tag", "a").json["config"]
    assert config == {**made["config"], "whatsapp": "+14155550100", "tags": ["a"]}
    config = acme(*change, "--whatsapp", "", "--origin", "http://localhost:8080").json["config"]
    assert (config["whatsapp"], config["origins"]) == (None, ["http://localhost:8080"])


def test_only_a_form_can_be_changed_so(acme: Kith) -> None:
    made = acme("connect", "shopify", "--secret", "s", "--json").json
    refused = acme("connect", "change-widget", made["connection"], *ORIGIN)
    assert refused.status == 1
    assert "a connection with shopify, not a form on web pages" in refused.err
    unknown = acme("connect", "change-widget", "nobody", *ORIGIN)
    assert "There is no connection nobody" in unknown.err
