"""The opt-in form in a real Chromium, on a page of another origin under a strict policy."""

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from kith.actions import widgets
from kith.actions.widgets import ChangeWidget
from kith.domain.opt_ins import LOCALES
from tests.api import pages
from tests.api.pages import CODE, filed, none_waits
from tests.cast import Bed, Person

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

WITHIN_MS = 60_000
_numbers = count(1)
TITLES = {
    "en": "Get our messages on WhatsApp",
    "fr": "Recevoir nos messages sur WhatsApp",
    "es": "Recibe nuestros mensajes por WhatsApp",
    "pt": "Receba as nossas mensagens no WhatsApp",
    "de": "Unsere Nachrichten per WhatsApp",
    "it": "Ricevi i nostri messaggi su WhatsApp",
    "ar": "احصل على رسائلنا عبر واتساب",
}


def new_number() -> str:
    return f"06 98 {next(_numbers):06d}"


class Site:
    """A web site of another origin than Kith's: each address has a page and a policy."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                html, policy = site.pages.get(
                    self.path.partition("?")[0], ("", "default-src 'none'")
                )
                body = html.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.origin = f"http://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, html: str, policy: str) -> str:
        """The path of a new page."""
        path = f"/page-{len(self.pages)}"
        self.pages[path] = html, policy
        return path


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    one = Site()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


class Shown:
    """A page in the browser: what it complained about, and the form on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda told: self.complaints.append(f"{told.type}: {told.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"pageerror: {error}"))

    @property
    def phone(self) -> Locator:
        return self.page.locator("#phone")

    @property
    def consent(self) -> Locator:
        return self.page.get_by_role("checkbox")

    @property
    def button(self) -> Locator:
        return self.page.get_by_role("button")

    async def focused(self) -> str:
        """The id of what has the focus, within the form."""
        found = await self.page.evaluate(
            "() => { let e = document.activeElement;"
            " while (e && e.shadowRoot) e = e.shadowRoot.activeElement;"
            " return e ? e.id || e.className || e.type : ''; }"
        )
        return str(found)


Show = Callable[..., Awaitable[Shown]]


class Shop:
    """Ana's site with a form on it."""

    def __init__(self, bed: Bed, ana: Person, form: pages.Page, site: Site) -> None:
        self.bed = bed
        self.ana = ana
        self.form = form
        self.site = site

    def tag(self, **data: str) -> str:
        given = "".join(f' data-{name}="{value}"' for name, value in data.items())
        key = self.form.connection.id
        return f'<script src="{self.bed.serving.url}/widget.js" data-key="{key}"{given}></script>'

    def policy(self, **more: str) -> str:
        """The two lines that the guide tells of, and nothing else allowed."""
        kith = self.bed.serving.url
        lines = {"default-src": "'none'", "script-src": kith, "connect-src": kith}
        lines |= {name.replace("_", "-"): value for name, value in more.items()}
        return "; ".join(f"{name} {value}".strip() for name, value in lines.items())


@pytest.fixture
async def shop(limitless: Bed, site: Site) -> AsyncIterator[Shop]:
    ana = await limitless.owner("Ana")
    form = await pages.new_page(
        limitless, ana, origins=(site.origin,), whatsapp="+14155550100", tags=("news",)
    )
    yield Shop(limitless, ana, form, site)
    await none_waits(limitless, form)


@pytest.fixture
async def show(browser: Browser, shop: Shop) -> AsyncIterator[Show]:
    """Opens a page that holds the form, as the guide says."""
    contexts = []

    async def opened(
        html: str | None = None,
        policy: str | None = None,
        *,
        lang: str = "en",
        reads: str = "ltr",
        **more: object,
    ) -> Shown:
        context = await browser.new_context(**{"locale": "fr-FR", **more})
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        shown = Shown(await context.new_page())
        html = html or f"<main><h1>Shop</h1>{shop.tag()}<p>After</p></main>"
        path = shop.site.add(
            f'<!doctype html><html lang="{lang}" dir="{reads}"><title>Shop</title>'
            f"<body>{html}</body></html>",
            policy or shop.policy(),
        )
        await shown.page.goto(f"{shop.site.origin}{path}?private=1")
        return shown

    yield opened
    for context in contexts:
        await context.close()


async def test_somebody_opts_in(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.page.get_by_role("heading", level=2)).to_have_text(TITLES["en"])
    number = new_number()
    await shown.page.get_by_label("Name (optional)").fill("Romain")
    await shown.phone.fill(number)
    await shown.page.get_by_label("I agree that Ana's shop may send me").check()
    await shown.button.click()
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_focused()
    message = await shown.page.locator(".code").inner_text()
    assert CODE.search(message)
    link = shown.page.get_by_role("link", name="Open WhatsApp")
    assert (await link.get_attribute("href") or "").startswith("https://wa.me/14155550100?text=Yes")
    assert (await link.get_attribute("rel"), await link.get_attribute("target")) == (
        "noopener noreferrer", "_blank",
    )  # fmt: skip
    contact = filed(shop.ana, "+33" + number[1:].replace(" ", ""))
    assert (contact["name"], contact["source"], contact["tags"]) == ("Romain", "widget", ["news"])
    assert contact["opted_in_at"] is None
    [row] = shop.ana.post("list-consent", {"phone": contact["phone"]}).json()["records"]
    assert (row["state"], row["locale"]) == ("pending", "en")
    assert re.fullmatch(rf"{re.escape(shop.site.origin)}/page-\d+", row["evidence"]["url"])
    assert row["evidence"]["user_agent"].startswith("Mozilla/5.0")
    assert shown.complaints == []


async def test_the_keyboard_alone_will_do(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.button).to_be_visible()
    press, typed = shown.page.keyboard.press, shown.page.keyboard.type
    order = []
    for _ in range(5):
        await press("Tab")
        order.append(await shown.focused())
    assert order == ["name", "country", "phone", "consent", "submit"]
    await press("Enter")  # with nothing filled in
    alert = shown.page.get_by_role("alert")
    await expect(alert).to_contain_text("There is a problem")
    assert await shown.focused() == "summary"
    for field in ("phone", "consent"):
        await expect(shown.page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
    await expect(shown.phone).to_have_accessible_description(
        "Your WhatsApp number, with or without the country code Enter a phone number"
    )
    await press("Tab")
    await press("Enter")  # the first problem leads to its field
    assert await shown.focused() == "phone"
    await typed(new_number())
    await press("Tab")
    await press("Space")
    await press("Tab")
    await press("Space")
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_focused()
    await press("Tab")
    await expect(shown.page.get_by_role("link", name="Open WhatsApp")).to_be_focused()


async def test_what_a_screen_reader_is_told(show: Show) -> None:
    shown = await show()
    form = shown.page.get_by_role("form", name=TITLES["en"])
    await expect(form.get_by_role("textbox")).to_have_count(2)  # not the one for programs
    await expect(form.get_by_role("textbox", name="Name (optional)")).to_have_attribute(
        "autocomplete", "name"
    )
    phone = form.get_by_role("textbox", name="Phone number")
    await expect(phone).to_have_attribute("autocomplete", "tel")
    await expect(phone).to_have_attribute("required", "")
    await expect(form.get_by_role("combobox", name="Country")).to_have_value("FR")
    consent = form.get_by_role("checkbox", name=re.compile("I agree that Ana's shop"))
    await expect(consent).not_to_be_checked()
    await expect(consent).to_have_accessible_description("Version default-1")
    await expect(form.get_by_role("button", name="Continue")).to_have_count(1)
    options = await form.locator("option").all_inner_texts()
    assert "Germany +49" in options
    assert len(options) > 200
    assert await form.locator("[tabindex='-1']").evaluate_all(
        "all => all.every(e => e.closest('[aria-hidden]') || e.className === 'summary')"
    )


async def test_nothing_is_called_invalid_before_it_was_sent(show: Show) -> None:
    """As the browser tells a screen reader: it finds a box that must be ticked invalid at once."""
    shown = await show()
    await expect(shown.button).to_be_visible()
    for field in (shown.phone, shown.consent):
        await expect(field).to_have_attribute("aria-invalid", "false")
    assert await invalid(shown.page) == []
    await shown.button.click()
    assert await invalid(shown.page) == ["textbox", "checkbox"]


async def invalid(page: Page) -> list[str]:
    """The roles of what the accessibility tree calls invalid."""
    session = await page.context.new_cdp_session(page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    return [
        node["role"]["value"]
        for node in nodes
        for one in node.get("properties", ())
        if one["name"] == "invalid" and one["value"].get("value") == "true"
    ]


async def test_it_looks_like_something_under_a_policy_without_styles(show: Show) -> None:
    shown = await show()
    colours = await shown.button.evaluate(
        "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.color]; }"
    )
    assert contrast(*colours) >= 4.5
    await shown.button.click()
    error = shown.page.locator("#phone-error")
    await expect(error).to_have_text("Enter a phone number")
    shade = await error.evaluate("e => getComputedStyle(e).color")
    assert contrast(shade, "rgb(255, 255, 255)") >= 4.5
    sizes = await shown.page.locator("#phone, button, #country").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 43


async def test_a_narrow_screen_need_not_be_scrolled_sideways(show: Show) -> None:
    shown = await show(viewport={"width": 320, "height": 640})
    await expect(shown.button).to_be_visible()
    assert await shown.page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize(("page", "form"), [("ltr", "ar"), ("rtl", "en"), ("rtl", "ar")])
async def test_a_page_of_the_other_direction_is_not_made_wider(
    shop: Shop, show: Show, page: str, form: str
) -> None:
    """What is out of sight stands within the form: beside it, the page could be scrolled there."""
    shown = await show(f"<div dir={page}>{shop.tag(lang=form)}</div>", reads=page)
    await expect(shown.button).to_be_visible()
    wider = "() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    assert await shown.page.evaluate(wider) == 0
    await ask(shown)
    await expect(shown.page.locator(".code")).to_be_visible()
    assert await shown.page.evaluate(wider) == 0


async def test_it_speaks_seven_languages(shop: Shop, show: Show) -> None:
    forms = "".join(f"<div id={lang}>{shop.tag(lang=lang)}</div>" for lang in LOCALES)
    shown = await show(forms)
    for lang in LOCALES:
        here = shown.page.locator(f"#{lang}")
        await expect(here.get_by_role("heading", level=2)).to_have_text(TITLES[lang])
        box = here.locator(".box")
        await expect(box).to_have_attribute("lang", lang)
        await expect(box).to_have_css("direction", "rtl" if lang == "ar" else "ltr")
        await expect(here.locator("#phone")).to_have_css("direction", "ltr")
        egypt = await here.locator("option[value=EG]").inner_text()
        assert egypt.endswith(" \u200e+20" if lang == "ar" else " +20")  # else it reads 20+
        await here.get_by_role("button").click()
        texts = await box.locator("label, p, button, li").all_inner_texts()
        assert "undefined" not in " ".join(texts)
        assert len(set(filter(None, texts))) == 11
    assert shown.complaints == []


@pytest.mark.parametrize(("page", "spoken"), [("pt-BR", "pt"), ("tlh", "fr"), ("", "fr")])
async def test_it_speaks_the_language_of_the_page_else_of_the_browser(
    show: Show, page: str, spoken: str
) -> None:
    shown = await show(lang=page)
    await expect(shown.page.get_by_role("heading", level=2)).to_have_text(TITLES[spoken])


async def test_the_language_and_the_country_may_be_said(shop: Shop, show: Show) -> None:
    shown = await show(shop.tag(lang="de", country="at"), lang="fr")
    await expect(shown.page.get_by_role("heading", level=2)).to_have_text(TITLES["de"])
    await expect(shown.page.get_by_role("combobox", name="Land")).to_have_value("AT")


async def test_it_stands_where_the_page_wants_it(shop: Shop, show: Show) -> None:
    """After the script; in an element above or below; at the end, from the head; and twice."""
    shown = await show()
    assert await shown.page.evaluate(
        "document.querySelector('main > script + .kith-widget + p') !== null"
    )
    shown = await show(f"<div id=here></div><p>x</p>{shop.tag(target='#here')}")
    await expect(shown.page.locator("#here .kith-widget form")).to_be_visible()
    await shown.page.close()
    shown = await show(f"{shop.tag(target='#below')}<p>x</p><div id=below></div>")
    await expect(shown.page.locator("#below .kith-widget form")).to_be_visible()
    await shown.page.close()
    shown = await show(f"<p>x</p>{shop.tag()}{shop.tag(lang='it')}")
    await expect(shown.page.locator("form")).to_have_count(2)
    path = shop.site.add(
        f"<!doctype html><html><head>{shop.tag()}<title>x</title></head><body><p>x</p></body>",
        shop.policy(),
    )
    await shown.page.goto(shop.site.origin + path)
    await expect(shown.page.locator("body > .kith-widget form")).to_be_visible()


POLICIES = {
    "no connect-src": ({"connect_src": "'none'"}, "told"),
    "no script-src": ({"script_src": "'none'"}, "nothing"),
    "trusted types": ({"require_trusted_types_for": "'script'", "trusted_types": "'none'"}, "form"),
    "everything else closed": (
        {"style_src": "'none'", "worker_src": "'none'", "img_src": "'none'", "base_uri": "'none'",
         "form_action": "'none'", "frame_ancestors": "'none'"}, "form"),
}  # fmt: skip


@pytest.mark.parametrize("case", POLICIES)
async def test_under_other_policies(shop: Shop, show: Show, case: str) -> None:
    lines, outcome = POLICIES[case]
    shown = await show(policy=shop.policy(**lines))
    await expect(shown.page.get_by_text("After")).to_be_visible()
    if outcome == "form":
        await expect(shown.button).to_be_visible()
        await ask(shown)
        await expect(shown.page.get_by_role("heading", name="One more step")).to_be_visible()
        assert shown.complaints == []
    elif outcome == "told":
        await expect(shown.page.get_by_role("status")).to_have_text(
            "The form cannot be shown at the moment."
        )
        assert any("connect-src" in line for line in shown.complaints)
        assert not [line for line in shown.complaints if line.startswith("pageerror")]
    else:
        assert await shown.page.locator(".kith-widget").count() == 0


@pytest.mark.row("T11.1")
async def test_a_page_of_a_foreign_origin_gets_no_form(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.button).to_be_visible()
    before = await shop.bed.digest()
    path = shown.page.url.partition(str(shop.site.port))[2]
    await shown.page.goto(f"http://127.0.0.1:{shop.site.port}{path}")
    await expect(shown.page.get_by_role("status")).to_have_text(
        "The form cannot be shown at the moment."
    )
    posted = await shown.page.evaluate(
        "url => fetch(url, {method: 'POST', body: '{}'}).then(() => 'read', () => 'refused')",
        shop.form.url,
    )
    assert posted == "refused"
    assert await shop.bed.digest() == before


async def ask(shown: Shown) -> None:
    await shown.phone.fill(new_number())
    await shown.consent.check()
    await shown.button.click()


async def test_a_wording_that_changed_is_shown_and_asked_for_again(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.button).to_be_visible()
    change = ChangeWidget(
        connection_id=shop.form.connection.id, wording="Something else.", wording_version="2"
    )
    await shop.bed.runner.write(widgets.change, change)
    await ask(shown)
    await expect(shown.page.get_by_role("alert")).to_contain_text("The text has changed")
    await expect(shown.page.get_by_role("checkbox", name="Something else.")).not_to_be_checked()
    await shown.consent.check()
    await shown.button.click()
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_visible()


async def test_what_the_server_refuses_is_told_at_its_field(show: Show) -> None:
    shown = await show()
    await shown.phone.fill("12")
    await shown.consent.check()
    await shown.button.click()
    await expect(shown.page.locator("#phone-error")).to_have_text("Enter a phone number")
    assert await shown.focused() == "summary"
    await shown.phone.fill(new_number())
    await shown.button.click()
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_visible()


async def test_a_failure_on_the_way_may_be_repeated(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.button).to_be_visible()
    await shown.page.route(shop.form.url, lambda route: asyncio.ensure_future(route.abort()))
    await ask(shown)
    await expect(shown.page.get_by_role("alert")).to_contain_text("That did not work: try again")
    await shown.page.unroute(shop.form.url)
    await shown.button.click()
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_visible()


async def test_a_network_that_says_nothing_is_given_up(shop: Shop, show: Show) -> None:
    shown = await show()
    await expect(shown.button).to_be_visible()
    sooner = "const wait = AbortSignal.timeout; AbortSignal.timeout = (ms) => wait(ms / 100)"
    await shown.page.evaluate(f"() => {{ {sooner} }}")
    await shown.page.route(shop.form.url, lambda _: None)
    await ask(shown)
    await expect(shown.page.get_by_role("alert")).to_contain_text("That did not work: try again")
    await shown.page.unroute(shop.form.url)
    await shown.page.reload()
    await ask(shown)
    await expect(shown.page.get_by_role("heading", name="One more step")).to_be_visible()


def contrast(one: str, other: str) -> float:
    """Of two opaque colours, as WCAG 2 reckons it."""
    lighter, darker = sorted(map(_luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
