"""The opt-in form, from the side of the server."""

import gzip
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import altcha
import httpx
import phonenumbers
import pytest

from kith.actions import connections, opt_ins, retention, widgets
from kith.actions.connections import Rotate
from kith.actions.run import Runner
from kith.actions.widgets import ChangeWidget
from kith.api.widget import PER_NUMBER, PER_SITE
from kith.domain.contacts import Contact
from kith.domain.opt_ins import CODE_COUNTS, KEPT
from kith.store import contacts as contact_rows
from tests.api.pages import CODE, ORIGIN, Page, filed, new_page, none_waits, solved
from tests.cast import Bed, Person
from tests.waits import at_best

POSTS = int(os.environ.get("KITH_TEST_WIDGET_POSTS", "360"))
"""Of the flood; 100,000 by hand."""
_numbers = count(random.randrange(10**6) * 1_000)


@pytest.fixture
async def page(bed: Bed) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Makes pages; what was asked for on them is filed before the next test begins."""
    made: list[Page] = []

    async def make(person: Person, **given: object) -> Page:
        made.append(await new_page(bed, person, **given))
        return made[-1]

    yield make
    for one in made:
        await none_waits(bed, one)


def new_phone() -> str:
    return f"+3367{next(_numbers) % 10**7:07d}"


def masked(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """Everything that a page may see of an answer, without what is chance."""
    told = answer.json()
    kept = [
        pair for pair in sorted(answer.headers.items()) if pair[0] not in ("date", "x-request-id")
    ]
    return answer.status_code, kept, CODE.sub("CODE", answer.text).replace(told["expires_at"], "AT")


def opt_out(person: Person, phone: str) -> None:
    stop = {"phone": phone, "channel": "whatsapp", "purpose": "marketing", "state": "withdrawn",
            "source": "api", "method": "platform"}  # fmt: skip
    assert person.post("set-consent", stop).status_code == 200


async def contact_of(bed: Bed, person: Person, phone: str) -> Contact:
    tenant_id = person.caller.tenant_id or 0
    found = await bed.read(lambda tx: contact_rows.by_phone(tx, tenant_id=tenant_id, phone=phone))
    assert found is not None
    return found


async def confirm(
    bed: Bed, person: Person, phone: str, text: str, *, late: timedelta = timedelta(0)
) -> Contact | None:
    """What is done about a message from this number."""
    contact = await contact_of(bed, person, phone)
    at = bed.runner.now() + late
    ahead = Runner(bed.runner.database, now=lambda: at)
    return await ahead.write(
        lambda ctx, _: opt_ins.confirm(ctx, contact, text, "wamid.HBg", at), None, person.caller
    )


def records(person: Person, phone: str) -> list[dict[str, Any]]:
    """The ledger, newest first."""
    found: list[dict[str, Any]] = person.post("list-consent", {"phone": phone}).json()["records"]
    return found


class TestTheForm:
    async def test_holds_the_wording_and_a_challenge(self, page, ana):
        there = await page(ana, whatsapp="+14155550100")
        answer = there.form(lang="de")
        form = answer.json()
        assert form["wording"].startswith("Ich bin einverstanden, dass Ana's shop mir Angebote")
        assert form["wording_version"] == "default-1"
        assert form["country"] is None
        assert form["challenge_seconds"] == 1_800
        assert set(form["challenge"]) == {"parameters", "signature"}
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["vary"] == "origin"
        assert answer.headers["cache-control"] == "no-store"
        assert there.secret not in answer.text

    @pytest.mark.parametrize("lang", ["", "xx", "EN-gb", "de-AT"])
    async def test_speaks_english_to_whoever_speaks_otherwise(self, page, ana, lang):
        there = await page(ana)
        assert there.form(lang=lang).json()["wording"].startswith("I agree that")

    async def test_shows_a_wording_of_ones_own_in_its_one_language(self, page, ana):
        there = await page(ana, wording="Oui !", wording_version="2026-11")
        for lang in ("fr", "ar"):
            form = there.form(lang=lang).json()
            assert (form["wording"], form["wording_version"]) == ("Oui !", "2026-11")

    @pytest.mark.row("T11.1")
    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "http://shop.example", "https://shop.example:444", "null", "",
         "https://shop.example.evil.example", "https://SHOP.example"],
    )  # fmt: skip
    async def test_is_for_the_origins_named_only(self, bed, page, ana, origin):
        there = await page(ana)
        before = await bed.digest()
        preflight = bed.http.options(
            there.url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        body = httpx.Request("POST", there.url, json=there.filled()).content
        for answer in (there.form(origin), there.post(body, origin), preflight):
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
        assert await bed.digest() == before

    async def test_takes_nothing_from_nowhere(self, page, ana):
        there = await page(ana)
        assert there.form(None).status_code == 200  # a look from a terminal
        body = httpx.Request("POST", there.url, json=there.filled()).content
        assert there.post(body, None).status_code == 403

    @pytest.mark.row("T11.1")
    async def test_a_preflight_is_answered_here_and_nowhere_else(self, bed, page, ana):
        there = await page(ana)
        asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        answer = bed.http.options(there.url, headers=asks)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["access-control-allow-methods"] == "GET, POST"
        assert answer.headers["access-control-allow-headers"] == "content-type"
        assert "access-control-allow-credentials" not in answer.headers
        for path in ("/api/v1/actions/get-contact", "/widget.js", "/docs"):
            other = bed.http.options(bed.serving.url + path, headers=asks)
            assert not [name for name in other.headers if name.startswith("access-control")]

    async def test_other_verbs_are_refused_and_a_removed_form_is_gone(self, bed, page, ana):
        there = await page(ana)
        answer = bed.http.delete(there.url, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, OPTIONS, POST")
        await bed.runner.write(connections.remove, there.connection.id)
        assert there.form().status_code == there.ask().status_code == 404


class TestTheScript:
    def test_is_small_and_may_run_on_any_page(self, bed):
        answer = bed.http.get(bed.serving.url + "/widget.js")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 10_000
        assert len(gzip.compress(answer.content)) < 10_000
        for means in ("eval(", "new Function", "innerHTML", "style=", "document.write", "cookie="):
            assert means not in answer.text

    def test_knows_every_country_with_phones(self, bed):
        text = bed.http.get(bed.serving.url + "/widget.js").text
        codes = "".join(
            f"{region}{phonenumbers.country_code_for_region(region)}"
            for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        )
        assert codes in text
        assert "{{" not in text

    @pytest.mark.parametrize("encoding", ["gzip", "identity"])
    def test_is_not_sent_again(self, bed, encoding):
        url = bed.serving.url + "/widget.js"
        first = bed.http.get(url, headers={"Accept-Encoding": encoding})
        asked = {"Accept-Encoding": encoding, "If-None-Match": first.headers["etag"]}
        again = bed.http.get(url, headers=asked)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert bed.http.get(url, headers=asked | {"If-None-Match": '"x"'}).status_code == 200

    def test_head_and_other_verbs(self, bed):
        url = bed.serving.url + "/widget.js"
        assert bed.http.head(url).status_code == 200
        refused = bed.http.post(url)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


class TestAskingForANewNumber:
    async def test_makes_a_contact_that_is_pending(self, page, ana):
        there = await page(ana, whatsapp="+1 415 555 0100", tags=("news",))
        phone = new_phone()
        answer = there.ask(phone="0" + phone[3:], name="  Romain ")
        told = answer.json()
        assert list(told) == ["success", "message", "link", "expires_at"]
        link = urlsplit(told["link"])
        assert (link.scheme, link.netloc, link.path) == ("https", "wa.me", "/14155550100")
        assert parse_qs(link.query) == {"text": [told["message"]]}
        assert CODE.search(told["message"])
        contact = filed(ana, phone)
        assert (contact["name"], contact["source"], contact["tags"]) == (
            "Romain",
            "widget",
            ["news"],
        )
        assert contact["opted_in_at"] is contact["opted_out_at"] is None
        [row] = records(ana, phone)
        assert (row["channel"], row["purpose"], row["state"]) == (
            "whatsapp",
            "marketing",
            "pending",
        )
        assert (row["source"], row["method"], row["address"]) == ("widget", "checkbox", phone)
        assert row["wording"].startswith("J’accepte que Ana's shop")
        assert (row["wording_version"], row["locale"]) == ("default-1", "fr")
        assert row["evidence"] == {
            "opt_in_id": row["evidence"]["opt_in_id"],
            "ip": "127.0.0.1",
            "user_agent": "Mozilla/5.0 (tests)",
            "url": f"{ORIGIN}/join",
        }
        assert CODE.search(told["message"])[0] not in answer.request.content.decode()

    async def test_never_grants(self, page, ana):
        there = await page(ana)
        phone = new_phone()
        there.code(phone=phone)
        filed(ana, phone)
        verdict = ana.get_contact(phone=phone, expand=["reachability"]).json()["reachability"]
        assert verdict["marketing"] == {
            "allowed": False, "reason": "consent_pending", "until": None,
        }  # fmt: skip

    async def test_is_filed_once_however_often_the_job_runs(self, bed, page, ana):
        there = await page(ana)
        phone = new_phone()
        there.code(phone=phone)
        filed(ana, phone)
        await none_waits(bed, there)
        before = await bed.digest()
        [[uuid]] = await bed.rows("SELECT uuid FROM opt_ins WHERE phone = :phone", phone=phone)
        await bed.runner.write(opt_ins.file, uuid, connections.caller(there.connection))
        assert await bed.digest() == before

    async def test_without_a_number_of_the_shop_there_is_a_message_and_no_link(self, page, ana):
        told = (await page(ana)).ask(phone=new_phone()).json()
        assert told["link"] is None
        assert CODE.search(told["message"])

    async def test_an_opt_out_before_an_erasure_still_counts(self, bed, page, ana):
        there = await page(ana)
        phone = new_phone()
        ana.create_contact(phone=phone)
        opt_out(ana, phone)
        admin = await bed.person(ana.user, ana.workspace, scope="admin")
        assert admin.post("delete-contact", {"phone": phone}).status_code == 200
        there.code(phone=phone)
        assert filed(ana, phone)["opted_out_at"] is not None


class TestAskingForAKnownNumber:
    @pytest.mark.row("T12.1")
    @pytest.mark.parametrize("spelling", ["exact", "national", "variant"])
    async def test_changes_nothing_of_the_contact(self, bed, page, ana, spelling):
        there = await page(ana, tags=("news",))
        phone = f"+552199{random.randrange(10**7):07d}"
        ana.create_contact(phone=phone, name="Known", tags="vip", metadata={"a": 1})
        typed = {"exact": phone, "national": phone[3:], "variant": phone[:5] + phone[6:]}[spelling]
        was = await everything_but_opt_ins(bed, ana)
        there.code(phone=typed, country="BR", name="Mallory was here")
        await none_waits(bed, there)
        assert await everything_but_opt_ins(bed, ana) == was
        rows = await bed.rows(
            "SELECT name FROM opt_ins WHERE tenant_id = :tenant_id",
            tenant_id=there.connection.tenant_id,
        )
        assert rows == [("Mallory was here",)]

    @pytest.mark.row("T12.1")
    async def test_lifts_no_opt_out(self, bed, page, ana):
        there = await page(ana)
        phone = new_phone()
        ana.create_contact(phone=phone)
        opt_out(ana, phone)
        there.code(phone=phone)
        await none_waits(bed, there)
        assert ana.get_contact(phone=phone).json()["opted_out_at"] is not None
        assert len(records(ana, phone)) == 1

    @pytest.mark.row("T12.1")
    async def test_is_answered_with_the_same_bytes(self, page, ana):
        there = await page(ana, whatsapp="+14155550100")
        known, new = new_phone(), new_phone()
        ana.create_contact(phone=known)
        assert masked(there.ask(phone=known)) == masked(there.ask(phone=new))

    @pytest.mark.row("T12.1")
    async def test_takes_the_same_time(self, page, ana):
        """The medians are of one size, and neither side is mostly later."""
        there = await page(ana)

        async def compare(_: int) -> None:
            known = [new_phone() for _ in range(40)]
            for phone in known:
                ana.create_contact(phone=phone)
            took: dict[bool, list[float]] = {True: [], False: []}
            for phone in known:
                order = [(True, phone), (False, new_phone())]
                random.shuffle(order)
                for is_known, number in order:
                    body = httpx.Request("POST", there.url, json=there.filled(phone=number)).content
                    began = time.perf_counter()
                    assert there.post(body).status_code == 200
                    took[is_known].append(time.perf_counter() - began)
            one, other = (statistics.median(took[which]) for which in (True, False))
            assert 0.5 < one / other < 2
            later = sum(a > b for a in took[True] for b in took[False]) / len(known) ** 2
            assert 0.2 < later < 0.8

        await at_best(compare)


async def everything_but_opt_ins(bed: Bed, person: Person) -> list[object]:
    tables = ("contacts", "identities", "consent_records", "consent_states", "audit_log", "tags")
    return [
        sorted(
            map(
                repr,
                await bed.rows(
                    f"SELECT * FROM {table} WHERE tenant_id = :tenant_id",
                    tenant_id=person.user.tenant_id,
                ),
            )
        )
        for table in tables
    ]


REFUSED: dict[str, tuple[dict[str, object], set[str]]] = {
    "nothing": (dict.fromkeys(("phone", "consent", "wording_version", "locale", "proof")),
                {"phone", "consent", "wording_version", "locale", "proof"}),
    "letters": ({"phone": "call me"}, {"phone"}),
    "too short": ({"phone": "12"}, {"phone"}),
    "a number": ({"phone": 1e400}, {"body"}),
    "a list": ({"phone": ["+33612345678"]}, {"phone"}),
    "control characters": ({"name": "a\x00b"}, {"name"}),
    "two lines": ({"name": "a\nb"}, {"name"}),
    "a long name": ({"name": "x" * 257}, {"name"}),
    "a country of none": ({"country": "XX"}, {"country"}),
    "no consent": ({"consent": False}, {"consent"}),
    "consent as a word": ({"consent": "true"}, {"consent"}),
    "another wording": ({"wording_version": "other"}, {"wording_version"}),
    "a language unknown": ({"locale": "tlh"}, {"locale"}),
    "several": ({"phone": "x", "consent": False, "name": "a\x00"}, {"phone", "consent", "name"}),
}  # fmt: skip


class TestWhatIsRefused:
    @pytest.mark.parametrize("case", [case for case in REFUSED if case != "a number"])
    async def test_names_each_field_and_changes_nothing(self, bed, page, ana, case):
        given, fields = REFUSED[case]
        there = await page(ana)
        before = await bed.digest()
        answer = there.ask(**given)
        assert answer.status_code == 422
        assert set(answer.json()["errors"]) == fields
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert await bed.digest() == before

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"phone": 1e400}', b'"x"', b"\xff"])
    async def test_a_body_that_is_none(self, page, ana, body):
        answer = (await page(ana)).post(body)
        assert answer.status_code in (400, 422)
        assert answer.headers["access-control-allow-origin"] == ORIGIN

    @pytest.mark.row("L2")
    @pytest.mark.parametrize(("extra", "status"), [(-1, 200), (0, 200), (1, 413), (1_600_000, 413)])
    async def test_bodies_are_at_most_16_kib(self, page, ana, extra, status):
        there = await page(ana)
        body = httpx.Request("POST", there.url, json=there.filled(phone=new_phone())).content
        answer = there.post(body[:-1] + b" " * (16_384 - len(body) + extra) + b"}")
        assert answer.status_code == status
        if status == 413:
            assert answer.json()["message"] == "The body is larger than 16 KiB."

    async def test_a_program_that_fills_every_field_learns_nothing(self, bed, page, ana):
        there = await page(ana, whatsapp="+14155550100")
        told = there.ask(website="https://spam.example")
        assert masked(told) == masked(there.ask(phone=new_phone()))
        rows = await bed.rows(
            "SELECT 1 FROM opt_ins WHERE tenant_id = :tenant_id AND phone = '+33612345678'",
            tenant_id=there.connection.tenant_id,
        )
        assert rows == []

    async def test_a_wording_that_changed_is_shown_again(self, bed, page, ana):
        there = await page(ana, wording="One.", wording_version="1")
        shown = there.filled(phone=new_phone())
        change = ChangeWidget(
            connection_id=there.connection.id, wording="Two.", wording_version="2"
        )
        await bed.runner.write(widgets.change, change)
        answer = there.ask(**shown)
        assert list(answer.json()["errors"]) == ["wording_version"]
        assert there.form().json()["wording"] == "Two."
        assert there.ask(**shown | {"wording_version": "2"}).status_code == 200


class TestTheProofOfWork:
    @pytest.mark.parametrize(
        "how",
        ["none", "not base64", "not json", "a list", "too long", "another secret", "expired",
         "unsigned", "wrong number", "easier", "deep"],
    )  # fmt: skip
    async def test_must_be_good(self, bed, page, ana, how):
        there = await page(ana)
        good = altcha.Payload.from_base64(there.proof())
        good.solution.counter += how == "wrong number"
        if how == "easier":
            good.challenge.parameters.key_prefix = ""
        if how == "unsigned":
            good.challenge.signature = None
        proof: object = {
            "none": "",
            "not base64": "€",
            "not json": "AAAA",
            "a list": "W10=",
            "too long": "A" * 8_000,
            "another secret": there.proof(hmac_secret="x"),
            "expired": there.proof(expires_at=int(time.time()) - 1),
            "deep": "W1tb" * 900,
        }.get(how, good.to_base64())
        before = await bed.digest()
        answer = there.ask(proof=proof)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["proof"])
        assert await bed.digest() == before

    async def test_counts_once(self, bed, page, ana):
        there = await page(ana)
        proof = there.proof()
        assert there.ask(proof=proof, phone=new_phone()).status_code == 200
        await none_waits(bed, there)
        before = await bed.digest()
        again = there.ask(proof=proof, phone=new_phone())
        assert (again.status_code, list(again.json()["errors"])) == (422, ["proof"])
        assert again.headers["access-control-allow-origin"] == ORIGIN
        assert await bed.digest() == before

    async def test_of_one_form_counts_for_no_other(self, page, ana, mallory):
        there, elsewhere = await page(ana), await page(mallory)
        assert there.ask(proof=elsewhere.proof()).status_code == 422

    async def test_given_before_a_rotation_still_counts(self, bed, page, ana):
        there = await page(ana)
        proof = there.proof()
        rotate = Rotate(connection_id=there.connection.id, secrets={"secret": "a" * 64})
        await bed.runner.write(connections.rotate, rotate)
        assert there.ask(proof=proof, phone=new_phone()).status_code == 200

    async def test_the_servers_own_challenge_can_be_solved(self, page, ana):
        there = await page(ana)
        challenge = altcha.Challenge.from_dict(there.form().json()["challenge"])
        assert there.ask(proof=solved(challenge), phone=new_phone()).status_code == 200


class TestTheConfirmation:
    async def test_grants_with_the_message_as_proof(self, bed, page, ana):
        there = await page(ana, tags=("news", "web"))
        phone = new_phone()
        text = there.code(phone=phone)
        filed(ana, phone)
        confirmed = await confirm(bed, ana, phone, text)
        contact = ana.get_contact(phone=phone, expand=["reachability"]).json()
        assert confirmed is not None
        assert confirmed.opted_in_at is not None
        assert contact["opted_in_at"] is not None
        granted, pending = records(ana, phone)
        assert (granted["state"], granted["source"], granted["method"]) == (
            "granted", "widget", "confirmation",
        )  # fmt: skip
        assert granted["evidence"]["wamid"] == "wamid.HBg"
        assert granted["evidence"]["opt_in_id"] == pending["evidence"]["opt_in_id"]
        assert granted["evidence"]["url"] == f"{ORIGIN}/join"
        assert granted["wording"] == pending["wording"]
        assert pending["state"] == "pending"

    async def test_goes_to_whoever_sent_the_code_whatever_was_typed(self, bed, page, ana):
        there = await page(ana, tags=("news",))
        typed, sender = new_phone(), new_phone()
        ana.create_contact(phone=sender)
        text = there.code(phone=typed, name="Typed")
        filed(ana, typed)
        assert await confirm(bed, ana, sender, text)
        whose = ana.get_contact(phone=sender).json()
        assert whose["opted_in_at"] is not None
        assert (whose["tags"], whose["name"]) == (["news"], None)
        assert ana.get_contact(phone=typed).json()["opted_in_at"] is None
        assert [row["state"] for row in records(ana, typed)] == ["pending"]

    async def test_gives_a_name_to_whoever_has_none(self, bed, page, ana):
        there = await page(ana)
        known, named = new_phone(), new_phone()
        ana.create_contact(phone=known)
        ana.create_contact(phone=named, name="Known")
        for phone in (known, named):
            await confirm(bed, ana, phone, there.code(phone=phone, name="Typed"))
        assert ana.get_contact(phone=known).json()["name"] == "Typed"
        assert ana.get_contact(phone=named).json()["name"] == "Known"

    @pytest.mark.row("T10.2")
    async def test_lifts_an_earlier_opt_out_which_is_the_persons_own_act(self, bed, page, ana):
        there = await page(ana)
        phone = new_phone()
        ana.create_contact(phone=phone)
        opt_out(ana, phone)
        text = there.code(phone=phone)
        assert await confirm(bed, ana, phone, text)
        contact = ana.get_contact(phone=phone).json()
        assert contact["opted_in_at"] is not None
        assert contact["opted_out_at"] is None

    @pytest.mark.parametrize("around", ["{}", "{}!", "  {}\nThanks", "{} {}", "lower"])
    async def test_is_found_in_whatever_else_is_written(self, bed, page, ana, around):
        there = await page(ana)
        phone = new_phone()
        text = there.code(phone=phone)
        code = CODE.search(text)[0]
        sent = code.lower() if around == "lower" else around.replace("{}", code)
        filed(ana, phone)
        assert await confirm(bed, ana, phone, sent)

    async def test_counts_once(self, bed, page, ana):
        there = await page(ana)
        phone, other = new_phone(), new_phone()
        ana.create_contact(phone=other)
        text = there.code(phone=phone)
        filed(ana, phone)
        assert await confirm(bed, ana, phone, text)
        await none_waits(bed, there)
        before = await bed.digest()
        assert await confirm(bed, ana, phone, text) is None
        assert await confirm(bed, ana, other, text) is None
        assert await bed.digest() == before

    @pytest.mark.parametrize(
        "text",
        ["", "OPTIN-", "OPTIN-AAAAAAAAAAAAAAAAAAAAAAAA", "optin", "XOPTIN-{}", "OPTIN-{}A", "{}"],
    )
    async def test_needs_the_code(self, bed, page, ana, text):
        there = await page(ana)
        phone = new_phone()
        code = CODE.search(there.code(phone=phone))[0]
        filed(ana, phone)
        await none_waits(bed, there)
        before = await bed.digest()
        assert (
            await confirm(bed, ana, phone, text.replace("{}", code.removeprefix("OPTIN-"))) is None
        )
        assert await bed.digest() == before

    @pytest.mark.parametrize(("seconds", "counts"), [(-60, True), (60, False)])
    async def test_counts_for_48_hours(self, bed, page, ana, seconds, counts):
        there = await page(ana)
        phone = new_phone()
        text = there.code(phone=phone)
        filed(ana, phone)
        late = CODE_COUNTS + timedelta(seconds=seconds)
        assert (await confirm(bed, ana, phone, text, late=late) is not None) is counts

    async def test_of_another_workspace_counts_for_nothing(self, bed, page, ana, mallory):
        there = await page(ana)
        phone = new_phone()
        text = there.code(phone=phone)
        filed(ana, phone)
        mallory.create_contact(phone=phone)
        before = await bed.digest()
        assert await confirm(bed, mallory, phone, text) is None
        assert await bed.digest() == before
        assert await confirm(bed, ana, phone, text)

    async def test_leaves_nothing_that_was_typed_beside_the_ledger(self, bed, page, ana):
        there = await page(ana)
        phone = new_phone()
        text = there.code(phone=phone, name="Typed")
        filed(ana, phone)
        await confirm(bed, ana, phone, text)
        [row] = await bed.rows(
            "SELECT name, phone, evidence FROM opt_ins WHERE tenant_id = :tenant_id",
            tenant_id=there.connection.tenant_id,
        )
        assert row == (None, None, "{}")

    async def test_the_code_itself_is_nowhere(self, bed, page, ana):
        there = await page(ana)
        code = CODE.search(there.code(phone=new_phone()))[0]
        for table in ("opt_ins", "jobs", "inbox", "consent_records", "audit_log"):
            assert code not in repr(await bed.rows(f"SELECT * FROM {table}"))


async def kept(bed: Bed, page: Page) -> list[tuple[Any, ...]]:
    """The numbers that were typed."""
    return await bed.rows(
        "SELECT phone FROM opt_ins WHERE tenant_id = :tenant_id ORDER BY id",
        tenant_id=page.connection.tenant_id,
    )


async def swept(bed: Bed, page: Page) -> None:
    of_tenant = connections.of_tenant(page.connection.tenant_id)
    while await bed.runner.write(retention.sweep, None, of_tenant):
        pass


class TestWhatIsKept:
    @pytest.mark.row("T18.1")
    @pytest.mark.parametrize("variant", [False, True])
    async def test_goes_with_the_person(self, bed, page, ana, variant):
        there = await page(ana)
        phone = f"+552199{random.randrange(10**7):07d}"
        ana.create_contact(phone=phone)
        there.code(phone=phone[:5] + phone[6:] if variant else phone, country="BR", name="Typed")
        await none_waits(bed, there)
        held = ana.post("export-contact", {"phone": phone}).json()
        [one] = held["opt_ins"]
        assert (one["name"], one["wording_version"], one["locale"]) == ("Typed", "default-1", "fr")
        assert one["connection_id"] == there.connection.id
        boss = await bed.person(ana.user, ana.workspace, scope="admin")
        assert boss.post("delete-contact", {"phone": phone}).status_code == 200
        assert await kept(bed, there) == []
        assert ana.get_contact(phone=phone).status_code == 404

    @pytest.mark.parametrize("is_removed", [False, True])
    async def test_goes_by_itself_after_some_days(self, bed, page, ana, is_removed):
        """Also where nobody asks any more, or nobody can."""
        there = await page(ana)
        old, new = new_phone(), new_phone()
        there.code(phone=old)
        there.code(phone=new)
        await none_waits(bed, there)
        await swept(bed, there)
        assert len(await kept(bed, there)) == 2
        if is_removed:
            await bed.runner.write(connections.remove, there.connection.id)
        await bed.change(
            "UPDATE opt_ins SET asked_at = asked_at - :us"
            " WHERE tenant_id = :tenant_id AND phone = :phone",
            us=KEPT // timedelta(microseconds=1),
            tenant_id=there.connection.tenant_id,
            phone=old,
        )
        await swept(bed, there)
        assert await kept(bed, there) == [(new,)]
        assert ana.get_contact(phone=old).status_code == 200, "the pending contact stays"

    async def test_goes_though_it_is_much(self, bed, page, ana):
        """A few at a time, until nothing old is left."""
        there = await page(ana)
        there.code(phone=new_phone())
        await none_waits(bed, there)
        await bed.change(
            "UPDATE opt_ins SET asked_at = asked_at - :us WHERE tenant_id = :tenant_id",
            us=2 * KEPT // timedelta(microseconds=1),
            tenant_id=there.connection.tenant_id,
        )
        columns = "connection_id, name, phone, locale, wording_version, evidence"
        await bed.change(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)"
            f" INSERT INTO opt_ins (tenant_id, uuid, code_digest, proof, asked_at, {columns})"
            " SELECT tenant_id, CAST(n.i AS TEXT), CAST(n.i AS TEXT), CAST(n.i AS TEXT),"
            f" asked_at - 1, {columns} FROM opt_ins, n WHERE tenant_id = :tenant_id",
            tenant_id=there.connection.tenant_id,
        )
        await swept(bed, there)
        assert await kept(bed, there) == []

    async def test_a_wording_is_never_edited(self, bed, page, ana):
        there = await page(ana, wording="One.", wording_version="1")
        for sql in (
            "UPDATE wordings SET texts = '{}' WHERE tenant_id = :tenant_id",
            "DELETE FROM wordings WHERE tenant_id = :tenant_id",
        ):
            with pytest.raises(Exception, match="never edited"):
                await bed.change(sql, tenant_id=there.connection.tenant_id)

    async def test_of_another_workspace_is_told_to_nobody(self, bed, page, ana, mallory):
        there = await page(ana)
        phone = new_phone()
        ana.create_contact(phone=phone)
        mallory.create_contact(phone=phone)
        there.code(phone=phone)
        assert mallory.post("export-contact", {"phone": phone}).json()["opt_ins"] == []
        boss = await bed.person(mallory.user, mallory.workspace, scope="admin")
        boss.post("delete-contact", {"phone": phone})
        assert len(ana.post("export-contact", {"phone": phone}).json()["opt_ins"]) == 1


class TestTheLimits:
    @pytest.mark.row("T12.1", "L8", "T14.1")
    async def test_of_an_address_behind_our_proxy(self, strict, page_of):
        """Three asks a minute: of the address that the proxy saw, whatever the client claims."""
        there = await page_of(strict)
        sent = {"X-Forwarded-For": f"{random.random()}, 198.51.100.7"}
        answers = [there.ask(phone=new_phone(), headers=sent) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[3].headers["access-control-allow-origin"] == ORIGIN
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        rotated = {"X-Forwarded-For": f"{random.random()}, 203.0.113.9, 198.51.100.7"}
        assert there.ask(phone=new_phone(), headers=rotated).status_code == 429
        other = {"X-Forwarded-For": "198.51.100.8"}
        assert there.ask(phone=new_phone(), headers=other).status_code == 200

    @pytest.mark.row("L8")
    async def test_of_an_address_that_only_looks(self, strict, page_of):
        there = await page_of(strict)
        sent = {"X-Forwarded-For": "198.51.100.20", "Origin": ORIGIN}
        codes = [strict.http.get(there.url, headers=sent).status_code for _ in range(32)]
        assert codes == [200] * 30 + [429] * 2
        assert there.ask(phone=new_phone(), headers=sent).status_code == 200

    @pytest.mark.row("T12.1")
    async def test_of_a_number(self, page, ana):
        there = await page(ana)
        phone = new_phone()
        codes = [there.ask(phone=phone).status_code for _ in range(PER_NUMBER + 2)]
        assert codes == [200] * PER_NUMBER + [429] * 2

    @pytest.mark.row("T12.1")
    async def test_hold_against_a_flood(self, bed, page, ana):
        """From many addresses with many numbers: the form's own limit stands."""
        there = await page(ana)
        began = time.monotonic()
        codes = [
            there.ask(
                phone=new_phone(), headers={"X-Forwarded-For": f"198.51.100.{n % 250}"}
            ).status_code
            for n in range(POSTS)
        ]
        minutes = 1 + int((time.monotonic() - began) // 60)
        assert set(codes) == {200, 429}
        assert codes.count(200) <= PER_SITE * minutes
        rows = await bed.rows(
            "SELECT COUNT(*) FROM opt_ins WHERE tenant_id = :tenant_id",
            tenant_id=there.connection.tenant_id,
        )
        assert rows == [(codes.count(200),)]


@pytest.fixture
async def page_of() -> Callable[[Bed], Awaitable[Page]]:
    """A page on a server with limits of its own."""

    async def make(bed: Bed) -> Page:
        return await new_page(bed, await bed.owner("Ana"))

    return make
