"""What shops tell of their customers: written so that late and repeated tellings change nothing."""

from collections.abc import Mapping, Sequence

import msgspec

from kith.actions import consent, contacts, identities, opt_outs, origins, who
from kith.actions.consent import SetConsent
from kith.actions.run import Context
from kith.domain import email as emails
from kith.domain import json, merging, readings, tags
from kith.domain.audit import What
from kith.domain.consent import ConsentSource, Record, about, in_force
from kith.domain.contacts import Contact, GetContact, NameContact, Particulars, metadata_of, tags_of
from kith.domain.identities import Kind
from kith.domain.phone import Phone, Region, Typed
from kith.domain.shop_facts import (
    ConsentTold,
    Customer,
    CustomerGone,
    CustomerSeen,
    PhoneSeen,
    TagsTold,
    Told,
    id_key,
    id_of,
    is_of_its_shop,
)
from kith.domain.times import to_us
from kith.errors import Conflict
from kith.store import consent as ledger
from kith.store import identities as identity_rows
from kith.store import shops
from kith.store.shops import Story

EXTERNAL: Kind = "external"
GUEST = "contact:"
"""Before a contact's id: what a customer without an id is kept under."""


async def see(ctx: Context, told: CustomerSeen) -> None:
    """Know a customer, as a contact that is there or as a new one. Raises Conflict, Invalid."""
    story = await story_of(ctx, told.customer)
    if is_late(story, told):
        return
    known = was = await find(ctx, told.customer)
    given = Particulars(name=told.name, email=told.customer.email, metadata=told.metadata)
    number = await _number(ctx, told.customer.phone, told.customer.region)
    if number is None and told.customer.typed:
        # Nobody is lost for a phone that cannot be read: a person may still read it.
        given = msgspec.structs.replace(
            given, metadata={**given.metadata, f"{ctx.source}_phone": told.customer.typed}
        )
    if known is None:
        known = await contacts.create(ctx, number, given)
    elif told.customer.external_id is None:
        given = Particulars(
            name=given.name if known.name is None else None,
            email=given.email if known.email is None else None,
            metadata={k: v for k, v in given.metadata.items() if k not in _keys(known)},
        )
        await contacts.add_to(ctx, known, given)
    else:
        known = await contacts.add_to(ctx, known, given)
    named = await _name(ctx, known, told.customer, number)
    if was is not None and (origin := await _origin(ctx, known, told.customer)) is not None:
        await origins.tell(ctx, was, origin, merging.facets_of(given))
    if named is not None and story is not None:
        await _put(ctx, named, told.customer, story.tags)
    at = told.at or (story.told_at if story else None)
    await _keep(ctx, told.customer, known, Story(at, None, story.tags if story else {}))


async def learn_phone(ctx: Context, told: PhoneSeen) -> None:
    """Know the customer by this number, too: theirs where they had none. Raises Conflict."""
    customer = told.customer
    number = await _number(ctx, customer.phone, customer.region)
    known = await _by_id(ctx, customer)
    if number is None or known is None or is_late(await story_of(ctx, customer), told):
        return
    held = await who.one(ctx, GetContact(phone=number))
    if held is not None and held.contact_id != known.id:
        raise Conflict(
            "Another contact holds this phone.",
            field="phone",
            value=number,
            contact_ids=sorted((held.contact_id, known.id)),
        )
    if held is None or known.phone is None:
        origin = await _origin(ctx, known, customer)
        await contacts.spell(ctx, known, number, origin=origin)


async def tag(ctx: Context, told: TagsTold) -> None:
    """Put tags on a customer and take them off, each by the newest that was told of it.

    Of a customer who is not known yet it is kept until they are: what was put on may come first.
    """
    story = await story_of(ctx, told.customer)
    if is_gone(story, told):
        return
    known = await find(ctx, told.customer)
    noted = dict(story.tags) if story else {}
    at = to_us(told.at or ctx.now)
    removed = told.removed
    if told.is_all:
        removed = tuple(name for name, us in noted.items() if us > 0 and name not in told.added)
    news = dict.fromkeys(told.added, at) | dict.fromkeys(removed, -at)
    news = {name: us for name, us in news.items() if abs(noted.get(name, 0)) <= at}
    if known is not None:
        await _put(ctx, known, told.customer, news)
    noted = dict(list({**noted, **news}.items())[-tags.PER_CONTACT_MAX :])
    times = (story.told_at, story.gone_at) if story else (None, None)
    await _keep(ctx, told.customer, known, Story(*times, noted))


async def tell_consent(ctx: Context, told: ConsentTold) -> None:
    """Note what the customer agreed to, once. It never lifts an opt-out. Raises Invalid, Refused.

    A customer who is not known yet is made known: what they said may come before them.
    """
    story = await story_of(ctx, told.customer)
    if is_gone(story, told) or not await _is_about_a_number(ctx, told):
        return
    known = await find(ctx, told.customer)
    if known is None:
        await see(ctx, CustomerSeen(customer=told.customer, metadata=id_of(told.customer)))
        known = await find(ctx, told.customer)
    if known is None:
        return
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    source: ConsentSource = "woocommerce" if ctx.source == "woocommerce" else "shopify"
    if _is_noted(about(rows, channel=told.channel, purpose="marketing"), told, source):
        return
    given = SetConsent(
        contact_id=known.id,
        channel=told.channel,
        purpose="marketing",
        state=told.state,
        source=source,
        method="platform",
        evidence=told.evidence,
        occurred_at=told.acted_at or told.at,
    )
    await consent.tell(ctx, known, given, origin=await _origin(ctx, known, told.customer))


async def let_go(ctx: Context, told: CustomerGone) -> None:
    """The contact stays, without the id that the shop does not know any more."""
    story = await story_of(ctx, told.customer)
    if is_late(story, told):
        return
    known = await _by_id(ctx, told.customer)
    if known is not None:
        await unname(ctx, known, told.customer.external_id or "")
    gone_at = told.at or ctx.now
    await _keep(ctx, told.customer, known, Story(told.at, gone_at, {}))


async def unname(ctx: Context, known: Contact, external_id: str) -> None:
    """Know the contact no more by an id of a shop, nor in its metadata."""
    system, _, given = external_id.partition(":")
    key = id_key(system)
    metadata = metadata_of(known)
    if metadata.get(key) == given:
        del metadata[key]
        wanted = msgspec.structs.replace(known, metadata=msgspec.Raw(json.encode(metadata)))
        await contacts.write(ctx, "contact.updated", known, wanted)
    name = NameContact(contact_id=known.id, kind=EXTERNAL, value=external_id)
    await identities.remove(ctx, name)


async def find(ctx: Context, customer: Customer) -> Contact | None:
    """Whoever the shop means. By its id first; an address alone makes nobody somebody else.

    Raises Conflict.
    """
    known = await _by_id(ctx, customer)
    if known is not None:
        return known
    if (number := await _number(ctx, customer.phone, customer.region)) is not None:
        return await _by_phone(ctx, number)
    known = await _by_other_phone(ctx, customer)
    if known is None and customer.external_id is None and customer.email:
        await identity_rows.take_turn(
            ctx.tx, tenant_id=ctx.tenant_id, of=emails.key(customer.email)
        )
        uuid = await shops.by_email(ctx.tx, tenant_id=ctx.tenant_id, email=customer.email)
        known = await contacts.of_id(ctx, uuid) if uuid is not None else None
    return known


async def story_of(ctx: Context, customer: Customer) -> Story | None:
    """What was told of a customer so far; of somebody erased, when that was.

    A guest is known by number and e-mail address only.
    """
    if customer.external_id is None:
        return await _erased_guest(ctx, customer)
    digest = await opt_outs.digest_of(ctx, customer.external_id)
    found = None
    for name in (customer.external_id, digest):
        if name is None:
            continue
        one = await shops.story(
            ctx.tx, tenant_id=ctx.tenant_id, connection_uuid=ctx.connection_id, customer=name
        )
        if one is not None:
            found = one if found is None else Story(found.told_at, one.gone_at, found.tags)
    return found


def guest_name(email: str) -> str:
    """By what a guest is known who was erased, before it is hashed."""
    return f"guest {emails.key(email)}"


async def _erased_guest(ctx: Context, customer: Customer) -> Story | None:
    number = await _number(ctx, customer.phone, customer.region)
    gone_at = await opt_outs.erased_at(ctx, number) if number is not None else None
    times = [gone_at] if gone_at is not None else []
    digest = await opt_outs.digest_of(ctx, guest_name(customer.email)) if customer.email else None
    if digest is not None:
        noted = await shops.story(
            ctx.tx, tenant_id=ctx.tenant_id, connection_uuid=ctx.connection_id, customer=digest
        )
        times += [noted.gone_at] if noted is not None and noted.gone_at is not None else []
    return Story(None, max(times), {}) if times else None


def is_late(story: Story | None, told: Told) -> bool:
    """Whether something newer was told already."""
    if story is None:
        return False
    is_older = bool(story.told_at and told.at and told.at < story.told_at)
    return is_older or is_gone(story, told)


def is_gone(story: Story | None, told: Told) -> bool:
    """Whether it is from before the customer was deleted or erased."""
    if story is None or story.gone_at is None:
        return False
    return told.at is None or told.at <= story.gone_at


async def _by_id(ctx: Context, customer: Customer) -> Contact | None:
    if customer.external_id is None:
        return None
    held = await who.one(ctx, GetContact(external_id=customer.external_id))
    return await contacts.of_id(ctx, held.contact_id) if held is not None else None


async def _by_phone(ctx: Context, number: Phone) -> Contact | None:
    held = await who.one(ctx, GetContact(phone=number))
    return await contacts.of_id(ctx, held.contact_id) if held is not None else None


async def _by_other_phone(ctx: Context, customer: Customer) -> Contact | None:
    """Two signs are needed: parcels are sent to other people, too."""
    number = await _number(ctx, customer.other_phone, customer.region)
    if number is None or customer.email is None:
        return None
    known = await _by_phone(ctx, number)
    if known is None or known.email is None:
        return None
    return known if emails.key(known.email) == emails.key(customer.email) else None


async def _is_about_a_number(ctx: Context, told: ConsentTold) -> bool:
    """Whoever types somebody's e-mail address at the till opts no number of theirs in."""
    customer = told.customer
    if customer.external_id is not None or told.channel == "email":
        return True
    return await _number(ctx, customer.phone, customer.region) is not None


async def _number(ctx: Context, given: Phone | Typed | None, region: Region | None) -> Phone | None:
    if not isinstance(given, Typed):
        return given
    return readings.sure(given, region=region or await who.default_region(ctx))


async def _name(
    ctx: Context, known: Contact, customer: Customer, number: Phone | None
) -> Contact | None:
    """Know the contact by the shop's id; None when it is already.

    Of those who live on in it the id is of whoever has the number.
    """
    value = customer.external_id
    if value is None or await _by_id(ctx, customer) is not None:
        return None
    origin = await origins.of_number(ctx, known, number) if number is not None else None
    return await contacts.name_too(ctx, known, EXTERNAL, value, origin=origin)


async def _origin(ctx: Context, known: Contact, customer: Customer) -> str | None:
    """Which contact the customer is, of those who live on in this one; None for itself."""
    if customer.external_id is None:
        return None
    return await origins.of_name(ctx, known, (EXTERNAL, customer.external_id))


async def _put(ctx: Context, known: Contact, customer: Customer, told: Mapping[str, int]) -> None:
    """Bring the contact's tags to what was told of each, as a story has it."""
    present = tags_of(known)
    newest_first = sorted(told.items(), key=lambda one: -one[1])
    wanted = tags.added(present, [name for name, us in newest_first if us > 0])
    off = {name for name, us in told.items() if us < 0} & set(present)
    if off:
        off -= await _put_on_elsewhere(ctx, known, customer)
    wanted = tuple(name for name in wanted if name not in off)[: tags.PER_CONTACT_MAX]
    if wanted != present:
        await _retag(ctx, known, present, wanted)


async def _put_on_elsewhere(ctx: Context, known: Contact, customer: Customer) -> set[str]:
    """The tags that the contact has as another customer, of another shop."""
    names = await identity_rows.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    found: set[str] = set()
    for one in names:
        if one.kind == EXTERNAL and one.value != customer.external_id:
            for story in await shops.stories(ctx.tx, tenant_id=ctx.tenant_id, customer=one.value):
                found |= {name for name, us in story.tags.items() if us > 0}
    return found


async def _retag(
    ctx: Context, known: Contact, present: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    changed = msgspec.structs.replace(known, tags=msgspec.Raw(json.encode(wanted)))
    new = set(wanted) - set(present)
    what: What = "contact.tagged" if new else "contact.untagged"
    await contacts.write(ctx, what, known, changed)
    await contacts.retag(ctx, known, wanted)


async def _keep(ctx: Context, customer: Customer, known: Contact | None, story: Story) -> None:
    name = customer.external_id or (f"{GUEST}{known.id}" if known is not None else None)
    if name is None:
        return
    await shops.keep(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        connection_uuid=ctx.connection_id,
        customer=name,
        shop=customer.shop,
        story=story,
    )


def _is_noted(rows: Sequence[Record], told: ConsentTold, source: ConsentSource) -> bool:
    """Whether it stands there already, or changes nothing that this shop said."""
    own = [
        row
        for row in rows
        if (row.source, row.method) == (source, "platform") and is_of_its_shop(row.evidence, told)
    ]
    if told.rule == "given_here" and told.state == "withdrawn":
        now = in_force(rows)
        if now is None or now.state != "granted" or now not in own:
            return True
    if told.acted_at is not None:
        return any((row.state, row.occurred_at) == (told.state, told.acted_at) for row in own)
    last = max(own, key=lambda row: row.id, default=None)
    return last is not None and last.state == told.state


def _keys(known: Contact) -> set[str]:
    return set(metadata_of(known))
