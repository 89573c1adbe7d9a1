"""The other side of WhatsApp: a local server that speaks as Meta's Graph API does.

`server` takes the calls, `rules` refuses what Meta refuses, `webhooks` writes back, signed.
"""

from tests.graph.rules import Person
from tests.graph.server import Call, Fault, Graph

__all__ = ["Call", "Fault", "Graph", "Person"]
