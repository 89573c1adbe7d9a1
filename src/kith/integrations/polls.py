"""Every shop that can be read by asking it, on one screen; `jobs/ask.py` does the asking."""

from collections.abc import Callable

import msgspec

from kith.domain.shop_polls import Answer, Ask, Asking, Item, Page
from kith.integrations.shopify import polling as shopify
from kith.integrations.woocommerce import polling as woocommerce


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """How a shop is asked, and what it answered.

    `read` raises `domain.shop_polls.PollFailed`. `ask_after` and `gone` settle what `read`
    doubts: None where it never does.
    """

    ask: Callable[[Asking], Ask]
    read: Callable[[Asking, Answer], Page]
    ask_after: Callable[[Asking, str], Ask] | None = None
    gone: Callable[[Asking, str, Answer], Item | None] | None = None


SHOPS: dict[str, Polled] = {
    "shopify": Polled(ask=shopify.ask, read=shopify.read),
    "woocommerce": Polled(
        ask=woocommerce.ask,
        read=woocommerce.read,
        ask_after=woocommerce.ask_after,
        gone=woocommerce.gone,
    ),
}
