"""The addresses beside the API itself: its document."""

from kith.api.server import Page


def build() -> dict[str, Page]:
    return {}
