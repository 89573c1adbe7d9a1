"""The guard of addresses: over 500 ways to write one that must not be asked (rows T4.1, G19)."""

import itertools

import pytest

from kith.domain import urls
from kith.errors import BadValue

GOOD = [
    "https://example.com/a.jpg",
    "https://sub.example.co.uk/a?b=c&d=%20",
    "https://xn--bcher-kva.example.org/",
    "https://example.com:443/a",
    "https://EXAMPLE.com/",
    "https://1and1.com/",
    "https://a-b.example.museum",
]

PRIVATE = [
    "0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.1", "127.0.1",
    "127.255.255.254", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.2.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "2130706433",
    "017700000001", "0x7f000001", "0x7f.1", "0177.0.0.1", "0x7f.0x0.0x0.0x1", "3232235521",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::7f00:1]", "[2001::1]", "[2001:db8::1]",
    "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "8.8.8.8", "[2606:4700::1111]",
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "a.localhost", "db",
    "metadata.google.internal", "printer.local", "router.lan", "host.home.arpa", "x.test",
    "y.invalid", "z.example", "a.onion", "example.com.", "ex ample.com", "exa\tmple.com",
    "example..com", ".example.com", "-a.com", "a-.com", "example.com\u3002", "ⓔxample.com",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "example.0x7f", "example.1", "a" * 64 + ".com", "%31%32%37.0.0.1",
    "",
]  # fmt: skip
AROUND = [
    "https://{}/", "http://{}/", "https://{}:443/a", "https://{}:8080/", "//{}/", "https:{}",
    "https://user:pass@{}/", "ftp://{}/", "file://{}/etc/passwd", "gopher://{}/_x",
    "HTTPS:\\\\{}\\",
]  # fmt: skip
ODD = [
    "", " ", "https://", "https:///path", "https://?a", "https://#f", "javascript:alert(1)",
    "data:text/plain,a", "https://example.com:22/", "https://example.com:0/", "https://example.com:x",
    "https://example.com:99999/", "https://example.com@10.0.0.1/", "https://10.0.0.1#@example.com/",
    "https://example.com\\@10.0.0.1/", "https://example.com/#part", "https://exam\nple.com/",
    "https://example.com/\x00", "http://example.com/", "https://" + "a." * 130 + "com/",
    "https://example.com/" + "a" * 2_048, "https://[::1", "https://[example.com]/", "https://a@b.com/",
    "https://@example.com/", "example.com", 7, None, ["https://example.com"],
]  # fmt: skip
BAD = [*(around.format(host) for host, around in itertools.product(PRIVATE, AROUND)), *ODD]


@pytest.mark.parametrize("url", GOOD)
def test_a_public_address_is_taken_as_it_is(url):
    assert urls.parse_public(f"  {url} ") == url


@pytest.mark.row("T4.1", "G19")
def test_every_other_way_to_write_one_is_refused():
    assert len(BAD) > 500
    taken = []
    for url in BAD:
        try:
            taken.append(urls.parse_public(url))
        except BadValue:
            continue
    assert taken == []


PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "157.240.0.35"]


@pytest.mark.row("T4.2")
@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_anybody_is_public(address):
    assert urls.is_public(address)


@pytest.mark.row("T4.2")
@pytest.mark.parametrize("host", sorted(set(PRIVATE) - {"8.8.8.8", "[2606:4700::1111]"}))
def test_an_address_of_nobody_else_is_not(host):
    assert not urls.is_public(host.strip("[]").replace("%25", "%"))


def test_two_addresses_of_one_server_share_an_origin():
    assert urls.origin("https://a.com/x") == urls.origin("https://A.com:443/y?z")
    assert urls.origin("https://a.com/") != urls.origin("http://a.com/")
    assert urls.origin("https://a.com/") != urls.origin("https://a.com:444/")
    for none in ("a.com", "https://u@a.com/", "https://a.com:x/", "https://[::1"):
        assert urls.origin(none) is None
    assert urls.host_of("https://A.com:443/") == "a.com"
    assert urls.host_of("https://[::1") == ""
