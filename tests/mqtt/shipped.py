"""mosquitto with the files of deploy/, their places and ports changed and nothing else."""

import os
import re
import shutil
from pathlib import Path

from fumewatch.mqtt.passwd import PasswordFile, hash_password
from tests.fixtures.broker import Broker, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORDS = {
    "fumewatch": "of-the-service",
    "xuhui/FM01": "of-the-first",
    "xuhui/FM02": "of-the-second",
    "gateway-pudong": "of-the-gateway",
}
_GATEWAY = """
user gateway-pudong
topic write fume/pudong/+/up
topic write fume/pudong/+/status
topic read fume/pudong/+/down
"""


class Shipped(Broker):
    """`tls_port` for monitors, `cert_port` and `service_port` once they are uncommented, and `port`
    for loopback. `marks`: which commented blocks to take in."""

    def __init__(self, certificates: Path, *marks: str) -> None:
        super().__init__()
        self._marks = marks
        self.tls_port, self.cert_port, self.service_port = free_port(), free_port(), free_port()
        self.certificates = self.directory / "certs"
        shutil.copytree(certificates, self.certificates)
        self.certificates.chmod(0o755)
        for name, text in {
            "passwd": str(PasswordFile().with_hashes(_hashes())),
            "acl": (DEPLOY / "mosquitto/acl").read_text() + _GATEWAY,
        }.items():
            (self.directory / name).write_text(text)
        for file in (self.directory / "passwd", *self.certificates.iterdir()):
            os.chmod(file, 0o644)  # mosquitto is another user, who reads them after the drop

    def _config(self, data: Path) -> str:
        text = (DEPLOY / "mosquitto.conf").read_text()
        for mark in self._marks:
            text = text.replace(f"#{mark}: ", "")
        for written, ours in {
            "listener 8883": f"listener {self.tls_port} 127.0.0.1",
            "listener 8884": f"listener {self.cert_port} 127.0.0.1",
            "listener 8885": f"listener {self.service_port} 127.0.0.1",
            "listener 1883 127.0.0.1": f"listener {self.port} 127.0.0.1",
            "/etc/mosquitto/fumewatch/": f"{self.directory}/",
            "/etc/mosquitto/certs/": f"{self.certificates}/",
            "/var/lib/mosquitto/": f"{data}/",
        }.items():
            text, count = re.subn(f"(?m)(^|(?<= )){re.escape(written)}", ours, text)
            assert count or "888" in written, f"{written} is not in deploy/mosquitto.conf"
        return text


def _hashes() -> dict[str, str]:
    return {user: hash_password(password) for user, password in PASSWORDS.items()}
