"""What the daemon notices about itself."""

import gc
import time
import weakref

import pytest

from fumewatch.app import PARTS, STALLED_SECONDS, Daemon, _frozen, _try_out, _watch, clock
from fumewatch.config import load
from fumewatch.core.errors import ConfigError
from fumewatch.health import Health
from fumewatch.reload import Reload
from fumewatch.store import Database
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


def test_what_only_shows_once_it_is_built_is_a_fault_of_the_configuration(world: World):
    (world.folder / "ca.pem").write_text("no certificate")
    for name, faults in (("ca.pem", ['receiver "b": cannot be used']), ("none.pem", ["no such"])):
        path = world.daemon(
            more='[[receiver]]\nname = "b"\nkind = "webhook"\nurl = "https://x/"\n'
            f'tls_ca = "{name}"\n'
        ).config
        with pytest.raises(ConfigError) as refused:
            Reload(path, Health(PARTS, clock), _try_out).load()
        told = [str(fault) for fault in refused.value.faults]
        assert [said in fault for said, fault in zip(faults, told, strict=True)] == [True]


def test_what_a_term_has_loaded_is_let_go_of_after_it():
    class Loaded:
        def __init__(self) -> None:
            self.itself = self

    loaded = Loaded()
    seen = weakref.ref(loaded)
    with _frozen():
        del loaded
        gc.collect()
        assert seen()
    gc.collect()
    assert seen() is None
