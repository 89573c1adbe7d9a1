"""search-contacts, list-contacts: contacts found by what little one knows, or all of them."""

import msgspec

from kith.actions.run import Context
from kith.domain.contacts import Contact, Filters, SearchContacts
from kith.store import contact_lists

SEARCH_MAX = 50
PAGE_MAX = 500


class ListContacts(Filters, frozen=True, kw_only=True):
    """`cursor` is the id of the last contact seen."""

    cursor: str | None = None
    limit: int = 100


class Page(msgspec.Struct, frozen=True):
    """Documented contacts; `next_cursor` is None on the last page."""

    contacts: list[msgspec.Raw]
    next_cursor: str | None


async def search(ctx: Context, given: SearchContacts) -> list[Contact]:
    """At most 50, the most recently active first (reference section 11)."""
    return await contact_lists.most_active(
        ctx.tx, tenant_id=ctx.tenant_id, filters=given, rows_max=SEARCH_MAX
    )


async def list_page(ctx: Context, given: ListContacts) -> Page:
    """Every contact in the order of their ids, which is the order in which they came, by the page.

    An id never changes, so whoever walks to the end meets each one once that was
    there all the time, whatever others write.
    """
    found = await contact_lists.in_order(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        filters=given,
        after=given.cursor,
        rows_max=given.limit + 1,
    )
    page = found[: given.limit]
    return Page(
        [msgspec.Raw(document) for document, _ in page],
        page[-1][1] if len(found) > len(page) else None,
    )
