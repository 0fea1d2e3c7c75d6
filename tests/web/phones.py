"""One alert with its people, the links they were sent, and what a phone sends."""

import io
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image
from pydantic import SecretStr
from starlette.testclient import TestClient

from fumewatch.config import Config
from fumewatch.config.tree import LinksSettings
from fumewatch.core.link import of_receiver, sign
from fumewatch.store import Database, monitors, readings, sites
from tests.web.conftest import NOW
from tests.web.seed import LATEST, alert, facts, fleet_readings, open_alert

SECRET = "a secret of links, 32 characters"
OLD_SECRET = "the one before it, 32 characters"
RECEIVER = of_receiver("duty-log")
MINUTE = timedelta(minutes=1)
PERSON = """
    insert into contact (site_id, vendor, street, name) values (%s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Scene:
    """`owner`, `vendor`, `patrol`: addressees, contacts of site, vendor and street."""

    alert: UUID
    other: UUID
    owner: str
    vendor: str
    patrol: str


def with_links(config: Config, **more: Any) -> Config:
    usual = {"secret": SecretStr(SECRET), "old_secret": SecretStr(OLD_SECRET)}
    return config.model_copy(update={"links": LinksSettings(**(usual | more))})


def place(database: Database, now: datetime = NOW, **names: str) -> None:
    """Two sites, their readings and people; `names`: of the first site."""
    known = facts(2)
    first = replace(known.sites[0], **names)
    with database.transaction() as conn:
        sites.replace(conn, replace(known, sites=(first, known.sites[1])))
        ids = list(monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(2)]).values())
        readings.add(conn, fleet_readings(ids, now), now)
        conn.execute(LATEST)
        for whose in ((1, None, None, "王经理"), (None, "蓝盾", None, "蓝盾 李工")):
            conn.execute(PERSON, whose)
        conn.execute(PERSON, (None, None, "漕河泾街道", "漕河泾 张"))


def open_case(database: Database, opened_at: datetime) -> Scene:
    """Two open alerts, one at each site; those of before are over."""
    with database.transaction() as conn:
        conn.execute("update alert set state = 'resolved', resolved_at = %s", [opened_at])
        both = [alert(id, "exceedance", opened_at, value=2.63) for id in (1, 2)]
        for one in both:
            open_alert(conn, one)
    return Scene(both[0].id, both[1].id, "contact 1", "contact 2", "contact 3")


def token(
    of: UUID,
    addressee: str,
    secret: str = SECRET,
    signed_at: datetime = NOW - 10 * MINUTE,
    valid: timedelta = timedelta(days=7),
) -> str:
    return sign(secret, of, addressee, signed_at=signed_at, expires_at=signed_at + valid)


def post(
    client: TestClient, token: str, answer: str, photos: tuple[bytes, ...] = (), **fields: str
) -> Any:
    """As the page's form does. `form`: one of its own for each post unless it is given."""
    usual = {"form": f"{'f' * 16}-{hash((answer, *fields.values()))}"}
    files = [("photo", (f"{n}.jpg", photo, "image/jpeg")) for n, photo in enumerate(photos)]
    return client.post(
        f"/l/{token}/{answer}",
        data=usual | fields,
        files=files or [("photo", ("", b"", "application/octet-stream"))],
        follow_redirects=False,
    )


def photo(width: int = 640, height: int = 480, form: str = "JPEG", **more: Any) -> bytes:
    """Noise, as hard to compress as a real one; the upper left corner is red."""
    noise = np.random.default_rng(3).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    image = Image.fromarray(noise).resize((width, height))
    image.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()
