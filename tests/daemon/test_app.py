"""What the daemon notices about itself."""

import gc
import time
import weakref

import pytest

from fumewatch import app
from fumewatch.app import STALLED_SECONDS, _try_out, _watch
from fumewatch.config import load
from fumewatch.core.errors import ConfigError
from fumewatch.health import Health
from fumewatch.reload import Reload
from fumewatch.store import Database
from fumewatch.terms import PARTS, Daemon, _freeze, clock
from tests.daemon.conftest import World


def test_a_leader_whose_turn_does_not_end_is_not_ready(world: World):
    path, health = world.daemon().config, Health(PARTS, clock)
    config = load(path)
    daemon = Daemon(config, Database(config.database), health, Reload(path, health), leads=True)
    daemon.health.up("ingest")
    daemon.turned_at = time.monotonic()
    _watch(daemon)
    assert daemon.health.parts()["ingest"].is_up
    daemon.turned_at -= STALLED_SECONDS + 1
    _watch(daemon)
    assert not daemon.health.parts()["ingest"].is_up


def test_what_only_shows_once_it_is_built_is_a_fault_of_the_configuration(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise ValueError("no key in it")

    path = world.daemon().config
    monkeypatch.setattr(app, "build", broken)
    with pytest.raises(ConfigError, match='receiver "duty": cannot be used: no key in it'):
        Reload(path, Health(PARTS, clock), _try_out).load()


@pytest.mark.parametrize(("name", "fault"), [("ca.pem", "tls_ca"), ("none.pem", "no such")])
def test_a_certificate_that_is_none_is_a_fault_of_the_configuration(
    world: World, name: str, fault: str
):
    (world.folder / "ca.pem").write_text("no certificate")
    path = world.daemon(
        more=f'[[receiver]]\nname = "b"\nkind = "webhook"\nurl = "https://x/"\ntls_ca = "{name}"\n'
    ).config
    with pytest.raises(ConfigError, match=fault):
        load(path)


def test_what_a_term_has_loaded_is_let_go_of_once_something_else_is_loaded():
    class Loaded:
        def __init__(self) -> None:
            self.itself = self

    loaded = Loaded()
    seen = weakref.ref(loaded)
    try:
        _freeze(is_anew=False)
        del loaded
        gc.collect()
        assert seen()
        _freeze(is_anew=True)
        assert seen() is None
    finally:
        gc.unfreeze()
