"""compose.yaml: by the compose specification, and by what it promises of itself."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fumewatch.config import examine
from tests.fixtures.broker import Broker

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate", "backup"}
each_service = pytest.mark.parametrize("name", SERVICES)


def test_it_keeps_to_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@each_service
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert re.search(r":[^:]*\d|:\$\{FUMEWATCH_VERSION", service["image"]), "no tag"
    assert "docker.sock" not in str(service)


@each_service
def test_a_service_says_whether_it_is_well(name: str) -> None:
    """fumewatch's own check is in its image."""
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
    else:
        assert "healthcheck" in service or service["image"].startswith("fumewatch:")


def test_only_monitors_and_people_come_in() -> None:
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "broker": ["8883:8883"],
        "proxy": ["80:80", "443:443", "443:443/udp"],
    }


def test_who_reaches_whom() -> None:
    def together(one: str, other: str) -> bool:
        return bool(set(SERVICES[one]["networks"]) & set(SERVICES[other]["networks"]))

    assert not together("proxy", "database")
    assert not together("proxy", "broker")
    assert not together("proxy", "prometheus")
    assert not together("grafana", "broker")
    assert not together("prometheus", "database")
    assert not together("broker", "database")
    assert together("grafana", "database")
    assert together("fumewatch-a", "broker")
    assert together("fumewatch-b", "database")
    open_ones = {name for name, each in COMPOSE["networks"].items() if not each.get("internal")}
    assert open_ones == {"monitors", "people", "outside"}
    for closed in ("database", "grafana", "prometheus", "migrate", "backup"):
        assert not set(SERVICES[closed]["networks"]) & open_ones, closed


def test_networks_volumes_secrets_and_mounted_files_are_there() -> None:
    for name, service in SERVICES.items():
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        for secret in service.get("secrets", []):
            named = secret if isinstance(secret, str) else secret["source"]
            assert named in COMPOSE["secrets"], name
        for volume in service.get("volumes", []):
            source = re.split(r":(?=/)", volume)[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), volume
            elif not source.startswith("${"):
                assert source in COMPOSE["volumes"], volume


def test_no_secret_is_in_the_file_or_in_an_environment() -> None:
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            is_secret = re.search(r"PASSWORD|SECRET|TOKEN|DATABASE__(MIGRATE_)?URL", key)
            assert not is_secret or str(value).startswith("/run/secrets/"), key


def test_every_variable_is_explained() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    told = set(re.findall(r"^#?(\w+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    assert asked == told


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """What prepare.sh makes, in a copy of deploy/."""
    if shutil.which("openssl") is None:
        pytest.skip("asks openssl: apt install openssl")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY.parent / "config.example.toml", tmp_path)
    for _ in range(2):  # the second time changes nothing
        done = subprocess.run(
            [tmp_path / "deploy" / "compose" / "prepare.sh"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    return tmp_path / "deploy"


def test_what_is_mounted_is_prepared(prepared: Path) -> None:
    secrets = prepared / "secrets"
    for name, secret in COMPOSE["secrets"].items():
        assert (prepared / re.sub(r"\$\{\w+:-(.*?)\}", r"\1", secret["file"])).exists(), name
    assert secrets.stat().st_mode & 0o077 == 0
    passwords = [(secrets / name).read_text() for name in COMPOSE["secrets"] if "password" in name]
    assert len(set(passwords)) == len(passwords)
    writer = (secrets / "database_writer_password").read_text()
    assert len(writer) == 64
    assert writer in (secrets / "database_url").read_text()


def test_the_daemon_takes_what_compose_gives_it(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in SERVICES["migrate"]["environment"].items():
        value = re.sub(r"\$\{FUMEWATCH_HOST:\?[^}]*\}", "fume.example.org", value)
        monkeypatch.setenv(key, value.replace("/run/secrets", str(prepared / "secrets")))
    examined = examine(prepared / "config" / "config.toml")
    assert examined.faults == ()
    config = examined.config
    assert config is not None
    assert config.mqtt.url == "mqtt://broker:1883"
    assert "fumewatch_owner" in config.database.owner_url
    assert "fumewatch_owner" not in config.database.url
    assert config.web.public_url == "https://fume.example.org"


def test_the_broker_starts_by_its_command_and_knows_the_service(
    prepared: Path, brokers: Callable[..., Broker]
) -> None:
    """The command's own sed, on the shipped file; then the prepared password opens the door."""
    command = SERVICES["broker"]["command"][0].replace("$$", "$")
    edit = command.split(" && exec")[0].replace("/etc/mosquitto/", f"{prepared}/")
    made = prepared / "made.conf"
    edit = edit.replace("/tmp/mosquitto.conf", str(made))
    subprocess.run(edit, shell=True, check=True, timeout=30)
    lines = made.read_text().splitlines()
    assert "listener 1883" in lines
    assert "persistence_location /mosquitto/data/" in lines
    passwords = prepared / "broker" / "passwd"
    assert passwords.read_text().startswith("fumewatch:$6$")
    broker = brokers("password_file {dir}/passwd", start=False)
    shutil.copy(passwords, broker.directory / "passwd")
    (broker.directory / "passwd").chmod(0o644)
    broker.start()
    password = (prepared / "secrets" / "mqtt_password").read_text()
    assert _publish(broker, password) == 0
    assert _publish(broker, password[:-1]) != 0


def _publish(broker: Broker, password: str) -> int:
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("no mosquitto_pub here")
    where = ["-p", str(broker.port), "-t", "x", "-m", "1", "-u", "fumewatch", "-P", password]
    done = subprocess.run([program, *where], capture_output=True, timeout=30)
    return done.returncode


def test_the_database_gets_its_three_roles(postgres: Any, tmp_path: Path) -> None:
    """database-init.sh with a psql that asks the test's server, which has other databases too."""
    script = (DEPLOY / "compose" / "database-init.sh").read_text()
    (sql,) = re.findall(r"<<'SQL'\n(.*?)^SQL$", script, re.DOTALL | re.MULTILINE)
    sql = sql.replace("create extension if not exists timescaledb;", "select 1;")
    sql = re.sub(r"\bfumewatch\b", "compose_fw", sql)
    sql = re.sub(r"\bfumewatch_(owner|reader)\b", r"compose_fw_\1", sql)
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("no psql here")
    words = [f"-v{name}={os.urandom(4).hex()}" for name in ("owner", "writer", "reader")]
    drop = "drop database if exists compose_fw; " + "".join(
        f"drop role if exists {role}; "
        for role in ("compose_fw", "compose_fw_owner", "compose_fw_reader")
    )
    try:
        _psql(psql, postgres.url(), sql, *words)
    finally:
        for statement in drop.strip().split("; "):
            _psql(psql, postgres.url(), statement)


def _psql(psql: str, url: str, sql: str, *options: str) -> None:
    done = subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", *options, url],
        input=sql,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
