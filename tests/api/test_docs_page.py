"""The page at /docs: complete, safe to open, and served by Kith itself."""

import html
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from kith.api import openapi, reference
from tests.cast import Bed

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
DOCUMENT: dict[str, Any] = openapi.document()
FIELDS = {
    name
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
    for body in operation.get("requestBody", {}).get("content", {}).values()
    for name in body["schema"].get("properties", {})
}
KEYS = {
    name
    for schema in ("ContactAnswer", "SavedContactAnswer", "MeAnswer", "TenantAnswer")
    for name in DOCUMENT["components"]["schemas"][schema]["properties"]
}


class Page(HTMLParser):
    """What the page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        """Texts, with the element that each stands in."""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        self.inside.append((self._open, data.strip()))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def texts(self, name: str) -> list[str]:
        return [text for tag, text in self.inside if tag == name and text]


@pytest.fixture(scope="module")
def page(bed: Bed) -> Page:
    return Page(bed.nobody.get("/docs").text)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
        ("/docs/script.js", "text/javascript; charset=utf-8"),
        ("/docs/icon.svg", "image/svg+xml"),
    ],
)
def test_is_served_to_anyone_and_guarded(bed: Bed, path: str, kind: str) -> None:
    answer = bed.nobody.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-request-id"]
    assert "set-cookie" not in answer.headers


def test_the_front_door_leads_there(bed: Bed) -> None:
    answer = bed.nobody.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", ["/docs", "/docs/style.css", "/"])
def test_takes_no_other_verb(bed: Bed, path: str) -> None:
    answer = bed.http.post(bed.serving.url + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_nothing_in_it_breaks_the_policy(page: Page) -> None:
    assert page.all("style") == []
    assert [script.get("src") for script in page.all("script")] == ["/docs/script.js"]
    assert page.texts("script") == []
    assert not [name for _, attributes in page.tags for name in attributes if name[:2] == "on"]
    assert not [attributes for _, attributes in page.tags if "style" in attributes]
    assert page.all("form")
    assert not [form for form in page.all("form") if "action" in form]


def test_nothing_in_it_comes_from_elsewhere(bed: Bed, page: Page) -> None:
    addresses = [
        attributes[name] or ""
        for _, attributes in page.tags
        for name in ("href", "src")
        if name in attributes
    ]
    for address in addresses:
        assert address[0] in "/#", address
        if address[0] == "/":
            assert bed.nobody.get(address).status_code == 200, address
    assert "://" not in bed.nobody.get("/docs/script.js").text
    assert "url(" not in bed.nobody.get("/docs/style.css").text


def test_every_link_in_the_page_leads_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        href = link["href"] or ""
        assert href[0] == "/" or href[1:] in ids, href
    for _, attributes in page.tags:
        for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
            assert attributes.get(name, ids[0]) in ids


def test_every_operation_can_be_read_and_tried(page: Page) -> None:
    tried = {(form["data-method"], form["data-path"]) for form in page.all("form")}
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert (method.upper(), path) in tried
            assert operation["operationId"] in page.texts("code")
            assert operation["summary"] in page.texts("h2")


def test_every_field_and_key_is_explained(page: Page) -> None:
    assert set(page.texts("code")) >= FIELDS | KEYS


def test_every_refusal_is_shown(page: Page) -> None:
    shown = set(page.texts("b"))
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert set(operation["responses"]) <= shown


def test_every_example_has_a_command(bed: Bed) -> None:
    text = html.unescape(bed.nobody.get("/docs").text)
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            assert f"curl {reference.ORIGIN}{path}" in text
            bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in bodies.get("examples", {}).values():
                assert (
                    msgspec.json.format(msgspec.json.encode(example["value"]), indent=2).decode()
                    in text
                )


def test_the_script_keeps_the_token_to_itself(bed: Bed) -> None:
    script = bed.nobody.get("/docs/script.js").text
    for place in ("localStorage", "sessionStorage", "cookie", "history", "innerHTML", "eval("):
        assert place not in script


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=a>', "`<b>`"]
)
def test_what_the_document_says_is_text(hostile: str) -> None:
    document = msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    document["info"]["description"] = hostile
    me = document["paths"]["/api/v1/me"]["get"]
    me["summary"] = me["description"] = hostile
    document["components"]["schemas"]["MeAnswer"]["properties"]["id"]["description"] = hostile
    found = Page(reference.page(document))
    usual = Page(reference.page(DOCUMENT))
    names = [tag for tag, _ in usual.tags if tag != "code"]
    assert [tag for tag, _ in found.tags if tag not in ("code", "p")] == [
        name for name in names if name != "p"
    ]
