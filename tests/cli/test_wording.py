"""`fumewatch wording`: what people would be sent."""

from pathlib import Path

import pytest

from fumewatch.config import load
from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.store import Database, alerts, monitors
from tests.cli.conftest import Fumewatch, Write
from tests.store.build import NOON

RECEIVERS = """
[[rule]]
id = "purifier-off"
kind = "linkage"
[[receiver]]
name = "mail"
kind = "email"
host = "127.0.0.1"
from = "fumewatch@example.org"
to = ["duty@example.org"]
language = "en"
[[receiver]]
name = "restaurant"
kind = "email"
host = "127.0.0.1"
from = "fumewatch@example.org"
contact = "site"
[receiver.wording]
zh_file = "zh.j2"
[[receiver]]
name = "file"
kind = "log"
path = "alerts.jsonl"
[[route]]
receiver = ["mail", "restaurant"]
"""
OWN = (
    "{% if alerts %}【油烟预警】{{ to.name }}：{{ alerts[0].headline }}{% else %}预警{% endif %}\n"
)


@pytest.fixture
def file(write: Write) -> Path:
    write(OWN, "zh.j2")
    return write(RECEIVERS)


def test_each_receivers_people_in_their_words(fumewatch: Fumewatch, file: Path) -> None:
    mail, restaurant = fumewatch("wording", "preview", "--json", "-c", file).json

    assert (mail["receiver"], mail["reason"], mail["style"]) == ("mail", "transition", "plain")
    assert mail["title"].startswith("[Critical early warning] 老王面馆（天平路店）: fume mean")
    assert mail["bytes"] == len(mail["text"].encode()) == mail["whole_bytes"]
    assert restaurant["text"].startswith("【油烟预警】李四：【严重预警】老王面馆")


def test_as_text_with_its_length(fumewatch: Fumewatch, file: Path) -> None:
    said = fumewatch(
        *("wording", "preview", "-c", file, "--receiver", "mail", "--language", "zh"),
        *("--reason", "digest", "--reason", "dead man"),
    )

    heads = [line for line in said.out.splitlines() if line.startswith("──")]
    assert heads[0].startswith("── mail (email, plain): digest, ")
    assert heads[1].startswith("── mail (email, plain): dead man, ")
    assert "\n【早间清单】2 条预警未解除，1 条已解除\n" in said.out


def test_of_a_rule_of_the_configuration(fumewatch: Fumewatch, file: Path) -> None:
    (mail,) = fumewatch(
        *("wording", "preview", "-c", file, "--json", "--receiver", "mail"),
        *("--sample", "purifier-off", "--reason", "escalation"),
    ).json

    assert "purifier off while the fan runs" in mail["title"]
    assert "(purifier-off)" in mail["text"]


def test_as_a_page_with_its_plot(fumewatch: Fumewatch, file: Path, tmp_path: Path) -> None:
    page = tmp_path / "mail.html"
    fumewatch("wording", "preview", "-c", file, "--receiver", "mail", "--html", page)

    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert 'src="data:image/png;base64,iVBOR' in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--receiver", "mial"), "no receiver 'mial'; did you mean mail?"),
        (("--receiver", "file"), "'file' is a machine's"),
        (("--sample", "purifier"), "no rule 'purifier'; did you mean purifier-off?"),
        (("--language", "fr"), "'fr' is not one of zh, en, both"),
        (("--reason", "whim"), "'whim' is not one of"),
        (("--alert", "7f0c1c8e-2f1b-5a51-8a43-000000000007", "--sample", "x"), "goes without"),
    ],
)
def test_wrong_usage_is_told(
    fumewatch: Fumewatch, file: Path, arguments: tuple[str, ...], words: str
) -> None:
    said = fumewatch("wording", "preview", "-c", file, *arguments)

    assert said.code == 2
    assert words in " ".join(said.err.replace("│", " ").split())


def test_a_real_alert(fumewatch: Fumewatch, config: Path) -> None:
    config.write_text(
        config.read_text()
        + '[[receiver]]\nname = "mail"\nkind = "email"\nhost = "h"\nfrom = "a@b.cn"\n'
        'to = ["c@d.cn"]\nlanguage = "zh"\n'
    )
    id = _alert(config)

    (mail,) = fumewatch(
        "wording", "preview", "-c", config, "--json", "--receiver", "mail", "--alert", str(id)
    ).json
    gone = fumewatch("wording", "preview", "-c", config, "--alert", str(alert_id("x", 1, NOON)))

    assert mail["title"] == "【预警】未分配监测仪 M1：监测仪已 1 小时没有数据"
    assert mail["text"].endswith(f"/alerts/{id}")
    assert (gone.code, "no alert " in gone.err) == (2, True)


def _alert(config: Path) -> object:
    database = Database(load(config).database)
    database.open()
    with database.transaction() as conn:
        monitor = monitors.register(conn, [("xuhui", "M1")])["xuhui", "M1"]
        alert = Alert(
            id=alert_id("offline", monitor, NOON),
            rule="offline",
            kind="absence",
            severity=Severity.WARNING,
            monitor=monitor,
            state=State.FIRING,
            opened_at=NOON,
            breached_at=NOON,
            value=60.0,
            limit=30.0,
        )
        alerts.save(conn, [Transition(alert, None, NOON, Reason.HELD)])
    database.close()
    return alert.id


@pytest.mark.parametrize(("language", "words"), [("zh", "预警"), ("en", "early warning")])
def test_the_default_layout_can_be_begun_with(
    fumewatch: Fumewatch, write: Write, language: str, words: str
) -> None:
    layout = fumewatch("wording", "layout", "--language", language).out
    file = write(RECEIVERS.replace("zh_file", f"{language}_file"))
    write(layout, "zh.j2")

    assert words in layout
    assert fumewatch("check", "-c", file).code == 0
