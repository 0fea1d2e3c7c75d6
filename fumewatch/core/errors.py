"""Every error fumewatch raises on purpose, one class per decision a caller can take.

FumewatchError
├── ConfigError         the configuration is wrong: refuse it whole, show every fault
├── DecodeError         one payload is wrong: dead-letter it, go on
├── ImportRefused       a file of facts is wrong: name every bad row, change nothing
├── StoreUnavailable    the database is away or busy: keep everything, try again
├── StoreRefused        the database said no for good: a person must act
├── Deposed             another daemon leads: write nothing, stand by
├── BrokerUnavailable   the broker is away: try again
├── ActionRefused       what a person wants to do about an alert does not fit how it stands
├── WebUnavailable      the pages cannot be served where they should: a person must act
└── SendError           a receiver did not take a notification; `permanent` says whether to retry
    └── Throttled       it was not asked: that would have been too often; says when it may be
"""

from dataclasses import dataclass
from datetime import timedelta


class FumewatchError(Exception):
    """Base of them all; its text is fit to be shown to a person."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where (file:line, or a row), what, and what to do."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class ConfigError(FumewatchError):
    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class ImportRefused(FumewatchError):
    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class DecodeError(FumewatchError):
    """`kind`: a short stable word, a label of metrics and dead letters. `detail`: for people."""

    def __init__(self, kind: str, detail: str, at: int | None = None) -> None:
        self.kind = kind
        self.detail = detail
        self.at = at
        super().__init__(f"{kind}: {detail}")


class StoreUnavailable(FumewatchError):
    pass


class StoreRefused(FumewatchError):
    pass


class ActionRefused(FumewatchError):
    """`zh`: the same in Chinese, for who answers on a phone."""

    def __init__(self, why: str, zh: str) -> None:
        self.zh = zh
        super().__init__(why)


class Deposed(FumewatchError):
    def __init__(self) -> None:
        super().__init__("another daemon leads")


class BrokerUnavailable(FumewatchError):
    pass


class WebUnavailable(FumewatchError):
    pass


class SendError(FumewatchError):
    """`retry_after` is how long the receiver asked to be left alone, where it did."""

    def __init__(
        self, detail: str, *, permanent: bool, retry_after: timedelta | None = None
    ) -> None:
        self.detail = detail
        self.permanent = permanent
        self.retry_after = retry_after
        super().__init__(detail)


class Throttled(SendError):
    """Nothing was sent, and the remote is not to blame: `retry_after` is when there is room again.

    Of the receiver's own limit (`most_per_minute`), or of a rest that the remote has asked for.
    """

    def __init__(self, detail: str, *, retry_after: timedelta) -> None:
        super().__init__(detail, permanent=False, retry_after=retry_after)
