"""Reading the configuration anew: when one of its files changes, or when SIGHUP asks for it.

A thread of its own watches, reads and checks. What is right waits until the main thread takes it,
between two batches; what is wrong leaves the one before in force, and is told.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from watchfiles import watch

from fumewatch import metrics
from fumewatch.config import Config, Examined, changes, examine
from fumewatch.config.changes import Change
from fumewatch.config.secrets import secrets
from fumewatch.core.errors import ConfigError, Fault
from fumewatch.health import Health
from fumewatch.log import hide

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.5
"""Between two looks at the files; where they can be watched, a change is seen sooner."""
SETTLE_SECONDS: Final = 0.5
"""Files must have been left alone for so long: an editor may write in several steps."""
GRACE_SECONDS: Final = 5.0
"""How long a file may be away or empty before that is what it says."""
TRIES: Final = 10
"""To read files between two changes of theirs."""

Seen = Mapping[Path, tuple[int, ...] | None]
"""What tells one state of a file from another; None: it is not there."""


def look(files: Iterable[Path]) -> Seen:
    return {file: _state(file) for file in files}


def _state(file: Path) -> tuple[int, ...] | None:
    """Of what the name leads to by now, over any links."""
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_size, found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns)


def read(path: Path) -> tuple[Examined, Seen]:
    """The configuration checked whole, and the state that its files had all the while."""
    files = {path}
    for _ in range(TRIES):
        before = look(files)
        examined = examine(path)
        files = {path, *examined.files}
        if look(files) == before:
            break
    return examined, before


@dataclass(frozen=True, slots=True)
class _Next:
    """A right configuration that nobody has taken yet: as it was read, and as far as it can apply.

    `changed`: against the one in force; `waiting`: what a restart would change besides.
    """

    wanted: Config
    config: Config
    changed: tuple[Change, ...]
    waiting: tuple[Change, ...]


class Reload:
    """A context: watches while it is entered.

    `try_out` finds the faults that only show once something is built of the configuration.
    """

    def __init__(
        self,
        path: Path,
        health: Health,
        try_out: Callable[[Config], Sequence[Fault]] = lambda _: (),
        *,
        settle: float = SETTLE_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._path = path
        self._health = health
        self._try_out = try_out
        self._settle = settle
        self._grace = grace
        self._seen: Seen = {path: None}
        self._in_force = Config()
        self._next: _Next | None = None
        self._lock = threading.Lock()
        self._asked = 0
        self._is_watching = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)

    def load(self) -> Config:
        """At the start; raise ConfigError with every fault."""
        examined, self._seen = read(self._path)
        faults = self._faults(examined)
        if faults or examined.config is None:
            raise ConfigError(list(faults))
        self._in_force = examined.config
        self._tell_taken(())
        return examined.config

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def ask(self) -> None:
        """Read it at the next look, whether or not a file changed. Fit for a signal's handler."""
        self._asked += 1

    def take(self) -> Config | None:
        """The newest right configuration, but for what in it waits for a restart.

        None where there is no new one, or where it changes nothing. Whoever takes it applies it.
        """
        if self._next is None:
            return None
        with self._lock:
            step, self._next = self._next, None
            if step is None:
                return None
            self._in_force = step.config
            self._tell_taken([change.what for change in step.waiting])
        log.info(
            "configuration taken over",
            changes=[str(change) for change in step.changed],
            after_restart=[str(change) for change in step.waiting],
        )
        tell_doubts(step.wanted)
        return step.config if step.changed else None

    def _run(self) -> None:
        answered = 0
        for _ in self._wakes():
            asked = self._asked
            if asked == answered and look(self._seen) == self._seen:
                continue
            answered = asked
            self._wait_for_quiet()
            if not self._stop.is_set():
                self._read()

    def _wakes(self) -> Iterator[None]:
        """Something may have changed; at the latest LOOK_SECONDS after the last time."""
        while not self._stop.is_set():
            yield
            try:
                yield from self._watched()
            except (OSError, RuntimeError) as error:
                self._tell_unwatched(error)
                self._stop.wait(LOOK_SECONDS)

    def _watched(self) -> Iterator[None]:
        """Until the stop, or until other folders are to be watched."""
        folders = _folders(self._seen)
        for _ in watch(
            *folders,
            watch_filter=None,
            step=100,
            stop_event=self._stop,
            rust_timeout=round(LOOK_SECONDS * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            if _folders(self._seen) != folders:
                return
            yield

    def _wait_for_quiet(self) -> None:
        """Until nobody writes and no file is missing that was there, but not for ever."""
        end = time.monotonic() + self._grace
        before = look(self._seen)
        while not self._stop.wait(self._settle):
            now = look(self._seen)
            if (now == before and _is_whole(now, self._seen)) or time.monotonic() > end:
                return
            before = now

    def _read(self) -> None:
        try:
            examined, self._seen = read(self._path)
            faults = self._emptied() or self._faults(examined)
            if examined.config is not None and not faults:
                with self._lock:
                    self._next = self._step_to(examined.config)
        except Exception as error:  # our fault; to go on is better than to be deaf for good
            log.exception("reading the configuration failed")
            self._seen = look(self._seen)
            faults = [Fault(str(self._path), f"could not be read: {error!r}")]
        if faults:
            self._refuse(faults)

    def _step_to(self, wanted: Config) -> _Next:
        config = changes.applicable(self._in_force, wanted)
        changed = changes.between(self._in_force, config)
        return _Next(wanted, config, changed, changes.between(config, wanted))

    def _faults(self, examined: Examined) -> Sequence[Fault]:
        if examined.config is None:
            return examined.faults
        hide(secrets(examined.config), besides=True)
        return self._try_out(examined.config)

    def _emptied(self) -> Sequence[Fault]:
        """Far more likely half written than meant to remove all rules."""
        state = self._seen[self._path]
        if state is None or state[0]:
            return ()
        return (Fault(str(self._path), "is empty; if that is meant, restart the daemon"),)

    def _tell_taken(self, after_restart: Sequence[str]) -> None:
        since = self._health.config_taken(after_restart)
        metrics.CONFIG_IS_RIGHT.set(1)
        metrics.CONFIG_TAKEN_AT.set(since.timestamp())

    def _refuse(self, faults: Sequence[Fault]) -> None:
        with self._lock:
            self._next = None
            self._health.config_refused(faults)
            metrics.CONFIG_IS_RIGHT.set(0)
        log.error(
            "configuration refused, the one before stays in force",
            faults=[str(fault) for fault in faults],
            in_force_since=self._health.configured().since.isoformat(),
        )

    def _tell_unwatched(self, error: Exception) -> None:
        if self._is_watching:
            log.warning(
                "cannot watch the configuration, looking at it instead; SIGHUP works, too",
                error=str(error),
                every_seconds=LOOK_SECONDS,
            )
        self._is_watching = False


def tell_doubts(config: Config) -> None:
    for doubt in config.warnings:
        log.warning("configuration", where=doubt.where, what=doubt.what)


def _folders(files: Iterable[Path]) -> Mapping[Path, tuple[int, int]]:
    """Where a change of them shows: their folders and those their links lead to, as they are now.

    A folder that was replaced is another one. One that is not there cannot be watched.
    """
    found: dict[Path, tuple[int, int]] = {}
    for file in files:
        for folder in (file.absolute().parent, file.resolve().parent):
            if folder.is_dir():
                at = folder.stat()
                found[folder] = (at.st_dev, at.st_ino)
    return found


def _is_whole(now: Seen, before: Seen) -> bool:
    """No file has gone or become empty that had something in it."""
    return all((now[file] or (0,))[0] for file, state in before.items() if state)
