"""Security events: each logged once, floods folded into a count a minute (reliability 2)."""

from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

Event = Literal[
    "auth.failed",
    "authz.denied",
    "webhook.sig_invalid",
    "tenant.probe",
    "export.run",
    "ratelimit.hit",
    "input.rejected",
    "request.unavailable",
]
FOLD_S = 60.0
KEYS_MAX = 1_000
PROBES_A_MINUTE = 30

log = structlog.get_logger("kith.security")


class _Fold(msgspec.Struct):
    since: float
    count: int
    fields: dict[str, object]


class SecurityLog:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._folds: dict[tuple[Event, object], _Fold] = {}

    def note(self, event: Event, who: object, **fields: object) -> None:
        """Log the first of a minute by `who` (a token id or an address), count the rest."""
        key = (event, who)
        fold = self._fold(key, fields)
        fold.count += 1
        if fold.count == 1:
            log.warning(event, **fields)

    def missed_ids(self, who: int, misses: int, /, **fields: object) -> None:
        """Ids that the workspace of token `who` does not have; many in a minute are a probe."""
        fold = self._fold(("tenant.probe", who), fields)
        before, fold.count = fold.count, fold.count + misses
        if before <= PROBES_A_MINUTE < fold.count:
            log.warning("tenant.probe", count=fold.count, **fields)

    def flush(self, *, all_of_them: bool = False) -> None:
        """Log the counts of minutes that are over."""
        now = self._clock()
        for key, fold in list(self._folds.items()):
            if all_of_them or fold.since + FOLD_S <= now:
                del self._folds[key]
                if fold.count > 1 and key[0] != "tenant.probe":
                    log.warning(key[0], count=fold.count - 1, folded=True, **fold.fields)

    def _fold(self, key: tuple[Event, object], fields: dict[str, object]) -> _Fold:
        now = self._clock()
        fold = self._folds.get(key)
        if fold is not None and fold.since + FOLD_S <= now:
            self.flush()
            fold = None
        if fold is None:
            if len(self._folds) >= KEYS_MAX:
                self.flush(all_of_them=True)
            fold = self._folds[key] = _Fold(now, 0, fields)
        return fold
