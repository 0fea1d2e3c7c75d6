"""What strangers and careless imports put in, and a database where every name is such a text."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from fumewatch.core.access import Role, Scope
from fumewatch.core.addressing import Entry
from fumewatch.core.cleanings_csv import Cleaning
from fumewatch.core.complaints_csv import Complaint
from fumewatch.core.conditions import matchers_of
from fumewatch.core.device import DeviceEvent, EventKind
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.facts import Facts, MonitorFacts
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.notice import Contact
from fumewatch.store import (
    Connection,
    Database,
    accounts,
    actions,
    cleanings,
    complaints,
    contacts,
    dead_letters,
    devices,
    monitors,
    outbox,
    readings,
    sessions,
    silences,
    sites,
    tokens,
)
from fumewatch.store.dead_letters import DeadLetter
from fumewatch.store.document import text as storable
from fumewatch.store.wire import to_us
from tests.web.seed import LATEST, alert, facts, fleet_readings, open_alert, resolve

HARMLESS: Final = "harmless"
TABLE: Final = {
    "script": "<script>hacked=1</script>",
    "image": '"><img src=x onerror=hacked=1>',
    "quotes": "'\"><svg onload=hacked=1>`${hacked=1}`",
    "comment": "--><!--</script></style></pre></textarea></title><b>",
    "address": "javascript:hacked=1",
    "link": "[x](http://evil.com)",
    "picture": "![x](http://evil.com/x.png)",
    "marks": "*a* _b_ ~c~ `d` **e** # f > g | h",
    "everybody": "@all <@everyone> <at id=all></at> @所有人",
    "entity": "&lt;script&gt;&#60;b&#62;",
    "equals": "=cmd|' /C calc'!A0",
    "plus": "+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "wide": "＝HYPERLINK(http://evil.com)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "lines": "a\n2026-11-25T00:00:00Z [info] forged\r\nBcc: all@evil.com\r\n\r\nb",
    "escapes": "a\x1b[2J\x1b]0;evil\x07\x9b31m\x08\x7fb",
    "nul": "a\x00b",
    "separators": "a\u2028b\u2029c\x85d",
    "bidi": "a\u202egpj.exe\u202c\u2066b\u2069\u200b\ufeff\u061c",
    "surrogate": "a\ud800b",
    "long": "长" * 6000,
    "unbroken": "W" * 200,
    "jinja": "{{7*7}}{% raw %}{{ config }}",
    "format": "{0.__class__}{site}{}",
    "percent": "%s %(name)s %n %08x",
    "sql": "'; drop table alert; --",
}
"""Each is put in by every way in and looked for at every way out."""

_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")


def unseen(text: str, but: str = "\n") -> list[str]:
    """The characters of it that steer a terminal or a reader's eye, instead of being read."""
    found = {c for c in text if c not in but and unicodedata.category(c) in _UNSEEN}
    return sorted(f"U+{ord(c):04X}" for c in found)


@dataclass(frozen=True)
class Scene:
    """`alerts`: one of each text, firing, the first with what was said in each; `sites`: their
    numbers; `stranger`: the number of a monitor of no site."""

    alerts: list[UUID]
    sites: list[int]
    stranger: int
    facts: Facts
    entries: list[Entry]


def scene(database: Database, texts: Sequence[str], now: datetime) -> Scene:
    """Each text is a site's name and all else of it, and what people and devices say about it."""
    texts = [storable(text) for text in texts]
    known = _facts(texts)
    people = [
        Entry("site", f"S{i:04d}", Contact(0, text[:64], f"{i}@example.org", "", text[:64]))
        for i, text in enumerate(texts)
    ]
    with database.transaction() as conn:
        sites.replace(conn, known)
        contacts.add(conn, people)
        day = date(2026, 9, 1)
        done = [Cleaning(f"O{i:04d}", day, text) for i, text in enumerate(texts)]
        cleanings.add(conn, done, "ledger.csv")
        complaints.add(
            conn,
            [
                Complaint(f"{i} {text}"[:64], now, None, None, f"S{i:04d}", text, text)
                for i, text in enumerate(texts)
            ],
        )
        ids = list(monitors.register(conn, [("xuhui", m.code) for m in known.monitors]).values())
        readings.add(conn, fleet_readings(ids[:1], now), now)
        conn.execute(LATEST)
        opened = [_opened(conn, id, text, now) for id, text in zip(ids, texts, strict=True)]
        devices.add(
            conn,
            [
                (id, DeviceEvent(EventKind.LOG, to_us(now - timedelta(hours=1)), {text[:60]: text}))
                for id, text in zip(ids, texts, strict=True)
            ],
            now,
        )
        (stranger,) = monitors.register(conn, [(texts[0][:60], f"?{texts[1]}"[:60])]).values()
        for number, text in enumerate(texts):
            _said(conn, opened[0], number, text, now)
        site_ids = [row[0] for row in conn.execute("select id from site order by code")]
    return Scene(opened, site_ids, stranger, known, people)


def _facts(texts: Sequence[str]) -> Facts:
    plain = facts(len(texts))
    found = [
        replace(site, name=text, street=text, address=text, contact=text, tags=(text[:60],))
        for site, text in zip(plain.sites, texts, strict=True)
    ]
    outlets = [
        replace(outlet, name=text, sites=(outlet.responsible_site,))
        for outlet, text in zip(plain.outlets, texts, strict=True)
    ]
    gauges = [
        MonitorFacts("xuhui", f"{i}{text}"[:60], f"O{i:04d}", text[:64], text[:64])
        for i, text in enumerate(texts)
    ]
    return Facts(tuple(found), tuple(outlets), tuple(gauges))


def _opened(conn: Connection, monitor: int, text: str, now: datetime) -> UUID:
    at = now - timedelta(minutes=9)
    evidence = {text[:60]: [text], "a": {"b": text}, "rows": [{text[:60]: text}], "unit": text[:20]}
    one = alert(monitor, "exceedance", at, evidence=evidence)
    number = open_alert(conn, one)
    past = alert(monitor, f"gone {text}"[:60], at - timedelta(hours=5))
    open_alert(conn, past)
    resolve(conn, past, at - timedelta(hours=4))
    said = {"zh": f"【预警】{text}", "en": f"[Early warning] {text}"}
    body = {"text": said, "site": text, "alerts": [{"site": text}]}
    outbox.add(conn, [outbox.Notification(one.id, text[:60], one.id, body, at, number, text[:60])])
    conn.execute(
        "update outbox set state = 'failed', settled_at = now(), attempts = 1, answer = %s"
        " where transition_id = %s",
        [text[:400], number],
    )
    return one.id


def _said(conn: Connection, opened: UUID, number: int, text: str, now: datetime) -> None:
    for kind, detail in ((ActionKind.NOTE, {}), (ActionKind.VISITED, {"findings": text[:2000]})):
        done = Action(
            opened, now, kind, text[:64], "link", text[:60], note=text[:2000], detail=detail
        )
        actions.record(conn, done)
    letter = DeadLetter(
        now, f"fume/{text}/up"[:400], text.encode(), f"kind {text}"[:60], text, text[:60]
    )
    dead_letters.add(conn, [letter])
    silence = Silence(
        matchers=matchers_of({"match": [f"site={text[:60]}"], "match_re": (), "match_not": ()}),
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        reason=text[:500],
        author=text[:64],
        created_at=now,
    )
    added = silences.add(conn, silence)
    if number % 2:
        silences.end(conn, added.id, text[:64], now)
    account = accounts.add(
        conn, f"user{number}", Role.VIEWER, text[:64], now, display_name=text[:24]
    )
    sessions.start(conn, account, text[:60], text, now)
    tokens.add(conn, f"{number}{text}"[:60], [Scope.READ], text[:60], now)


NOW: Final = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
