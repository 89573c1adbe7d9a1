"""What is done about each thing that another system tells: a fact's type decides."""

from collections.abc import Awaitable, Callable
from typing import Any

from kith.actions import (
    messages,
    number_changes,
    receive,
    shop_privacy,
    shops,
    template_syncs,
    zaps,
)
from kith.actions.run import Context
from kith.domain import shop_facts, whatsapp_facts, zap_facts

APPLY: dict[type, Callable[[Context, Any], Awaitable[None]]] = {
    shop_facts.CustomerSeen: shops.see,
    shop_facts.PhoneSeen: shops.learn_phone,
    shop_facts.TagsTold: shops.tag,
    shop_facts.ConsentTold: shops.tell_consent,
    shop_facts.CustomerGone: shops.let_go,
    shop_facts.DataRequested: shop_privacy.ask,
    shop_facts.CustomerRedacted: shop_privacy.redact,
    shop_facts.ShopRedacted: shop_privacy.redact_shop,
    whatsapp_facts.MessageReceived: receive.receive,
    whatsapp_facts.MessageEchoed: receive.echo,
    whatsapp_facts.StatusReported: messages.report,
    whatsapp_facts.PreferenceTold: receive.prefer,
    whatsapp_facts.IdentityChanged: number_changes.change,
    whatsapp_facts.AccountRestricted: receive.restrict,
    whatsapp_facts.OffersRestricted: receive.restrict_offers,
    whatsapp_facts.TemplatesChanged: template_syncs.ask_anew,
    zap_facts.ContactPosted: zaps.take,
}
"""Every kind of fact, each by an action that may be applied again without a further effect."""


def apply(ctx: Context, fact: Any) -> Awaitable[None]:
    """Write what a fact says. Raises what its action refuses."""
    return APPLY[type(fact)](ctx, fact)
