"""Spellings of addresses that are inside, for whoever calls what somebody else names (row G19)."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

INSIDE_4 = (
    "127.0.0.1", "127.0.0.53", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1",
    "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.254",
    "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
INSIDE_6 = (
    "::", "::1", "::2", "fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1",
    "feff::1", "ff02::1", "ff0e::1", "100::1", "2001::1", "2001:10::1", "2001:20::1",
    "2001:2::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::", "3fff::1",
    "5f00::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1",
    "4000::1", "8000::1", "c000::1", "2620:4f:8000::1", "1::1",
)  # fmt: skip
NAMES = (
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "a.localhost",
    "kith.internal", "metadata.google.internal", "metadata", "printer.local", "intranet",
    "127.0.0.1.nip.invalid", "router.lan", "db.corp", "x.onion",
)  # fmt: skip
SHAPES = (
    "http://8.8.8.8/", "https://8.8.8.8:22/", "https://8.8.8.8:6379/", "https://8.8.8.8:8000/",
    "ftp://8.8.8.8/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "//127.0.0.1:{port}/",
    "https://user@127.0.0.1:{port}/", "https://u:p@127.0.0.1:{port}/", "https:///127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@example.com/", "https://example.com@127.0.0.1:{port}/",
    "https://example.com:443@127.0.0.1:{port}/", "https://127.0.0.1:{port}\\@example.com/",
    "https:\\\\127.0.0.1:{port}/", "https:127.0.0.1:{port}/", "https://[::1:{port}/",
    "https://::1:{port}/", "https://[127.0.0.1]:{port}/", "https://127.0.0.1 :{port}/",
    "https://127.0.0.1%00.example.com:{port}/", "https://127.0.0.1%2f.example.com:{port}/",
    "https://127.0.0.1\t:{port}/", "https://127.0.0.1\n:{port}/", "https://127。0。0。1:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "https://127.0.0.1:{port}",
    "https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://[fe80::1%25lo]:{port}/",
    "https://[::1%lo]:{port}/", "https://127.0.0.1:0{port}/", "https://127.0.0.1:+{port}/",
    "https://127.0.0.1.:{port}/", "https://.127.0.0.1:{port}/", "HTTPS://LOCALHOST:{port}/",
    "https://localhost:{port}/../", "https://127.0.0.1:{port}?@example.com",
    "https://0:{port}/", "https://127.1:{port}/", "https://0x7f.1:{port}/", "https://017700000001/",
    "javascript:alert(1)", "data:text/plain,x", "https://", "https://:{port}/", "", "x",
)  # fmt: skip
"""What parsers disagree on; `{port}` is where somebody listens."""


def of_ipv4(address: str) -> Iterator[str]:
    """An IPv4 address as resolvers read it: whole, short, octal, hexadecimal, and inside IPv6."""
    number = int(IPv4Address(address))
    a, b, c, d = number.to_bytes(4, "big")
    yield address
    yield str(number)
    yield f"0x{number:x}"
    yield f"0{number:o}"
    yield f"{a}.{number & 0xFFFFFF}"
    yield f"{a}.{b}.{number & 0xFFFF}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"
    yield f"{a}.{b}.{c}.{d}."
    for prefix in ("::ffff:", "::", "64:ff9b::", "::ffff:0:"):
        yield f"[{prefix}{address}]"
    yield f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]"
    yield f"[2001:0:{number >> 16:x}:{number & 0xFFFF:x}::{~number >> 16 & 0xFFFF:x}:1]"


def of_ipv6(address: str) -> Iterator[str]:
    whole = IPv6Address(address)
    yield f"[{address}]"
    yield f"[{whole.exploded.upper()}]"


def hosts() -> list[str]:
    found = [spelled for address in INSIDE_4 for spelled in of_ipv4(address)]
    found += [spelled for address in INSIDE_6 for spelled in of_ipv6(address)]
    return [*found, *NAMES]


def urls(port: int) -> list[str]:
    """Each host on the port where somebody listens and, with the odd shapes, everything."""
    found = [f"https://{host}:{port}/hook" for host in hosts()]
    found += [f"http://{host}:{port}/hook" for host in hosts()[::10]]
    return found + [shape.replace("{port}", str(port)) for shape in SHAPES]
