"""What becomes of a row that was not taken, and how long its receiver is left alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fumewatch.core.duration import show
from fumewatch.core.errors import SendError
from fumewatch.deliver.desk import LONGEST_REST
from fumewatch.store.outbox import Claim, Outcome


@dataclass(frozen=True, slots=True)
class DeliverSettings:
    """`lease`: after a crash, rows in hand wait for so long; no send starts in its second half.

    `last_sends`: what sends under way get to end in after a stop.
    """

    poll: timedelta = timedelta(seconds=1)
    lease: timedelta = timedelta(minutes=1)
    first_delay: timedelta = timedelta(seconds=2)
    max_delay: timedelta = LONGEST_REST
    longest_rest: timedelta = timedelta(seconds=30)
    give_up_after: timedelta = timedelta(hours=24)
    sweep_every: timedelta = timedelta(minutes=1)
    watch_every: timedelta = timedelta(seconds=15)
    last_sends: timedelta = timedelta(seconds=5)


USUAL: Final = DeliverSettings()


def decide(
    claim: Claim, error: SendError, now: datetime, jitter: float, settings: DeliverSettings
) -> Outcome:
    """What becomes of a row that was not taken: due again, or failed for good.

    Exponential back-off with full jitter, so that receivers which come back are not hit by all at
    once; never sooner than the receiver asked. `jitter` is in [0, 1).
    """
    if error.permanent:
        return Outcome(claim, "failed", error.detail)
    ceiling = min(settings.max_delay, settings.first_delay * (1 << min(claim.attempts, 20)))
    due_at = now + max(ceiling * jitter, error.retry_after or timedelta(0))
    if due_at - claim.created_at > settings.give_up_after:
        detail = f"gave up after {show(settings.give_up_after)}: {error.detail}"
        return Outcome(claim, "failed", detail)
    return Outcome(claim, "due", error.detail, due_at)


def rest_for(
    error: SendError, failures: int, jitter: float, settings: DeliverSettings
) -> timedelta:
    """How long the whole receiver is left alone after so many failures in a row (1 or more)."""
    ceiling = min(settings.longest_rest, timedelta(seconds=1) * (1 << min(failures - 1, 20)))
    asked = min(error.retry_after or timedelta(0), settings.max_delay)
    return max(ceiling * (0.5 + jitter / 2), asked)
