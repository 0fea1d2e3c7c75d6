"""The proxies: Caddy runs as shipped before a page of the test; nginx checks its file."""

import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.broker import free_port
from tests.fixtures.tools import need

DEPLOY = Path(__file__).parents[2] / "deploy"
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-x509"]
_PATIENCE_S = 20.0


class Page(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked."""

    def do_GET(self) -> None:
        said = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """(certificate, key) of localhost."""
    cert, key = tmp_path / "page.pem", tmp_path / "page.key"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [need("openssl"), "req", *_NEW_KEY, *name, "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return cert, key


@contextmanager
def caddy(folder: Path, https: int, upstream: str, tls: str) -> Iterator[None]:
    """The shipped Caddyfile, but for its ports and the folder of what it includes."""
    (folder / "own.caddy").write_text(tls)
    text = (DEPLOY / "caddy" / "Caddyfile").read_text()
    text = text.replace("/etc/caddy/fumewatch.d", str(folder))
    text = text.replace("admin off", f"admin off\n\thttp_port {free_port()}\n\thttps_port {https}")
    file = folder / "Caddyfile"
    file.write_text(text)
    environment = os.environ | {
        "FUMEWATCH_HOST": "localhost",
        "FUMEWATCH_UPSTREAM": upstream,
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [need("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def ask(port: int, path: str, certificate: Path, headers: dict[str, str]) -> tuple[int, str, str]:
    """(status, body, Strict-Transport-Security), once it answers."""
    context = ssl.create_default_context(cafile=str(certificate))
    request = urllib.request.Request(f"https://localhost:{port}{path}", headers=headers)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return answer.status, answer.read().decode(), answer.headers[_STS]
        except urllib.error.HTTPError as error:
            with error:
                if error.code < 500 or time.monotonic() > until:
                    return error.code, "", error.headers[_STS]
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


_STS = "Strict-Transport-Security"


def test_caddy_shows_the_page_and_hides_what_is_for_machines(
    tmp_path: Path, upstream: int, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    port, dead = free_port(), free_port()
    with caddy(tmp_path, port, f"127.0.0.1:{dead} 127.0.0.1:{upstream}", f"tls {cert} {key}\n"):
        status, body, sts = ask(port, "/alerts?x=1", cert, {"X-Forwarded-For": "203.0.113.9"})
        assert (status, sts) == (200, "max-age=31536000")
        said = json.loads(body)
        assert said["path"] == "/alerts?x=1"
        headers = {name.lower(): value for name, value in said["headers"].items()}
        assert headers["x-forwarded-for"] == "127.0.0.1", "what a stranger says of it is not heard"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["host"] == f"localhost:{port}"
        for path in ("/metrics", "/readyz", "/livez"):
            assert ask(port, path, cert, {})[0] == 404


def test_caddyfiles_are_written_as_caddy_writes_them() -> None:
    for file in (DEPLOY / "caddy" / "Caddyfile", DEPLOY / "compose" / "Caddyfile"):
        done = subprocess.run(
            [need("caddy"), "fmt", str(file)], capture_output=True, text=True, timeout=60
        )
        formatted = [line.rstrip() for line in done.stdout.splitlines()]
        assert formatted == file.read_text().splitlines(), file


def test_the_caddyfile_of_compose_is_valid(tmp_path: Path) -> None:
    for name, source in (("Caddyfile", "compose"), ("fumewatch.Caddyfile", "caddy")):
        text = (DEPLOY / source / "Caddyfile").read_text()
        (tmp_path / name).write_text(text.replace("/etc/caddy", str(tmp_path)))
    names = {"FUMEWATCH_HOST": "fume.example.org", "GRAFANA_HOST": "boards.example.org"}
    home = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [
            need("caddy"),
            "validate",
            "--adapter",
            "caddyfile",
            "--config",
            str(tmp_path / "Caddyfile"),
        ],
        env=os.environ | names | home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_nginx_finds_no_fault(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    text = (DEPLOY / "nginx" / "fumewatch.conf").read_text()
    text = text.replace("/etc/fumewatch/page.pem", str(cert))
    text = text.replace("/etc/fumewatch/page.key", str(key))
    text = re.sub(r"listen (\[::\]:)?(80|443)", lambda m: f"listen {m[1] or ''}{free_port()}", text)
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{text}\n}}\n"
    )
    done = subprocess.run(
        [need("nginx"), "-t", "-q", "-p", str(tmp_path), "-e", "stderr", "-c", str(whole)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
