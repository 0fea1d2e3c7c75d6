"""Watching the configuration's files, whatever editors and Kubernetes do to them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fumewatch import metrics, reload
from fumewatch.config import Config
from fumewatch.core.errors import ConfigError, Fault
from fumewatch.health import Health
from fumewatch.reload import Reload

TEXT = '[retention]\nreadings = "{days}d"\n'
DUTY = '[[receiver]]\nname = "duty"\nkind = "webhook"\nurl_file = "secret/url"\n'
GRACE = 1.0


class Told(Health):
    """Keeps how often a configuration was refused."""

    refusals = 0

    def config_refused(self, faults: Sequence[Fault]) -> None:
        self.refusals += 1
        super().config_refused(faults)


class Watched:
    """A configuration that says only how many days readings are kept, and a `Reload` of it."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.health = Told((), lambda: datetime.now(UTC))
        self.wrong_days: int | None = None
        self._stack = stack

    def start(self) -> "Watched":
        self._reload = Reload(self.path, self.health, self._try_out, settle=0.1, grace=GRACE)
        self.config = self._reload.load()
        self._stack.enter_context(self._reload)
        return self

    def _try_out(self, config: Config) -> list[Fault]:
        is_wrong = config.retention.readings.days == self.wrong_days
        return [Fault("receiver", "cannot be used")] if is_wrong else []

    def ask(self) -> None:
        self._reload.ask()

    def take(self) -> bool:
        config = self._reload.take()
        self.config = config or self.config
        return config is not None

    @property
    def days(self) -> int:
        """As the configuration that is in force by now has it."""
        self.take()
        return self.config.retention.readings.days

    @property
    def faults(self) -> str:
        return "; ".join(map(str, self.health.configured().faults))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    path = tmp_path / "etc" / "config.toml"
    path.parent.mkdir()
    path.write_text(TEXT.format(days=10))
    with ExitStack() as stack:
        yield Watched(path, stack)


def until(is_true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def write(path: Path, days: int, more: str = "") -> None:
    path.write_text(TEXT.format(days=days) + more)


def replace(path: Path, days: int, more: str = "") -> None:
    """As most editors save: beside it, then over it."""
    new = path.with_suffix(".new")
    write(new, days, more)
    new.replace(path)


def is_right() -> float:
    return metrics.CONFIG_IS_RIGHT._value.get()


def test_it_follows_a_file_written_in_place_and_one_replaced(watched: Watched) -> None:
    watched.start()
    assert watched.days == 10
    write(watched.path, 20)
    until(lambda: watched.days == 20)
    for days in (30, 40, 50):  # also the second time, when it is another file
        replace(watched.path, days)
    until(lambda: watched.days == 50)
    replace(watched.path, 60)
    until(lambda: watched.days == 60)


def test_a_change_between_the_start_and_the_first_look_is_not_missed(watched: Watched) -> None:
    seen = Reload(watched.path, watched.health, settle=0.1)
    seen.load()
    write(watched.path, 20)
    with seen:
        until(lambda: seen.take())


def test_a_wrong_one_leaves_the_old_in_force_until_a_right_one_comes(watched: Watched) -> None:
    watched.start()
    watched.wrong_days = 66
    for text, said in (
        ("[retention]\nreadings = 1\nlisten = 2", "config.toml:2: [retention] readings: must be"),
        ("[retention", "config.toml:1: not TOML"),
        (TEXT.format(days=66), "receiver: cannot be used"),
    ):
        watched.path.write_text(text)
        until(lambda said=said: said in watched.faults)
        assert is_right() == 0
        assert watched.days == 10
    in_force = watched.health.configured().since
    write(watched.path, 20)
    until(lambda: watched.days == 20)
    state = watched.health.configured()
    assert (state.faults, state.refused_at) == ((), None)
    assert state.since > in_force
    assert is_right() == 1
    assert metrics.CONFIG_TAKEN_AT._value.get() == state.since.timestamp()


def test_the_one_before_heals_a_wrong_one_too(watched: Watched) -> None:
    watched.start()
    watched.path.write_text("wrong")
    until(lambda: watched.faults)
    write(watched.path, 10)
    until(lambda: watched.take() or not watched.faults)
    assert is_right() == 1


def test_what_is_wrong_by_now_is_not_taken_though_it_was_right_before(watched: Watched) -> None:
    watched.start()
    write(watched.path, 20)
    until(lambda: watched._reload._next)  # it waits for the main thread
    watched.path.write_text("wrong")
    until(lambda: watched.faults)
    assert watched.days == 10


def test_a_config_map_of_kubernetes_is_followed(watched: Watched) -> None:
    """config.toml → ..data/config.toml; ..data → a folder for each version, swapped by rename."""
    folder = watched.path.parent
    watched.path.unlink()
    for days in (10, 20, 30):
        version = folder / f"..v{days}"
        version.mkdir()
        write(version / "config.toml", days)
    (folder / "..data").symlink_to("..v10")
    watched.path.symlink_to("..data/config.toml")
    watched.start()
    for days in (20, 30):
        (folder / "..tmp").symlink_to(f"..v{days}")
        (folder / "..tmp").replace(folder / "..data")
        until(lambda days=days: watched.days == days)


def test_a_file_that_it_names_counts_as_its_own(watched: Watched) -> None:
    """Also one that is not there yet, in a folder that is not there yet."""
    watched.start()
    secret = watched.path.parent / "secret" / "url"
    write(watched.path, 20, DUTY)
    until(lambda: "no such file" in watched.faults)
    secret.parent.mkdir()
    secret.write_text("http://127.0.0.1:1/")
    until(lambda: watched.days == 20)
    secret.write_text("http://127.0.0.1:2/")
    until(watched.take)
    assert watched.config.receiver[0].url.get_secret_value() == "http://127.0.0.1:2/"


def test_a_folder_that_was_replaced_is_followed(watched: Watched) -> None:
    watched.start()
    folder = watched.path.parent
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    write(watched.path, 20)
    until(lambda: watched.days == 20)
    write(watched.path, 30)
    until(lambda: watched.days == 30)


@pytest.mark.parametrize(
    ("go", "said"),
    [(Path.unlink, "no such file"), (lambda path: path.write_text(""), "is empty")],
    ids=["away", "empty"],
)
def test_a_file_that_is_gone_for_a_moment_is_no_error_until_it_stays_away(
    watched: Watched, go: Callable[[Path], object], said: str
) -> None:
    watched.start()
    go(watched.path)
    time.sleep(0.3)  # longer than files need be left alone
    write(watched.path, 20)
    until(lambda: watched.days == 20)
    assert watched.health.refusals == 0
    go(watched.path)
    until(lambda: said in watched.faults)
    assert watched.days == 20


def test_where_nothing_can_be_watched_it_looks_and_can_be_asked(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("inotify: no space left on device")

    monkeypatch.setattr(reload, "watch", refuse)
    watched.start()
    write(watched.path, 20)
    until(lambda: watched.days == 20)
    before = watched.health.configured().since
    watched.ask()
    until(lambda: watched.take() or watched.health.configured().since > before)


def test_a_fault_of_ours_in_reading_it_is_told_and_is_not_the_end(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.start()
    with monkeypatch.context() as patched:
        patched.setattr(reload, "examine", lambda _: 1 / 0)
        write(watched.path, 20)
        until(lambda: "division by zero" in watched.faults)
    watched.ask()
    until(lambda: watched.days == 20)


def test_at_the_start_every_fault_is_raised(watched: Watched) -> None:
    watched.path.write_text("[retention]\nreadings = 1\nredings = 2")
    with pytest.raises(ConfigError) as refused:
        watched.start()
    assert len(refused.value.faults) == 2


def test_a_link_in_a_circle_is_a_file_that_is_not_there(watched: Watched) -> None:
    watched.start()
    watched.path.unlink()
    os.symlink(watched.path.name, watched.path)
    until(lambda: watched.faults)
    watched.path.unlink()
    write(watched.path, 20)
    until(lambda: watched.days == 20)
