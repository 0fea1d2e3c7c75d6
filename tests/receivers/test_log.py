import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from fumewatch.core.errors import SendError
from fumewatch.receivers.log import LogFile, LogSettings
from tests.receivers.factories import KEY, a_body


def log_file(path: Path) -> LogFile:
    return LogFile(LogSettings.model_validate({"kind": "log", "name": "file", "path": path}))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_notification_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    receiver = log_file(path)

    receiver.send(a_body(state="firing"), KEY)
    receiver.send(a_body(state="resolved", site="甲\n乙"), KEY)

    assert [line["state"] for line in lines(path)] == ["firing", "resolved"]
    assert lines(path)[1]["site"] == "甲\n乙"
    assert lines(path)[0] == {**a_body(state="firing"), "key": str(KEY)}


def test_a_rotated_file_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    receiver = log_file(path)
    receiver.send(a_body(monitor="A"), KEY)
    path.rename(tmp_path / "alerts.jsonl.1")
    receiver.send(a_body(monitor="B"), KEY)

    assert [line["monitor"] for line in lines(tmp_path / "alerts.jsonl.1")] == ["A"]
    assert [line["monitor"] for line in lines(path)] == ["B"]


def test_nothing_is_lost_while_it_is_rotated_under_load(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    receiver = log_file(path)

    def send_many() -> None:
        for _ in range(50):
            receiver.send(a_body(), uuid.uuid4())

    senders = [threading.Thread(target=send_many) for _ in range(3)]
    for sender in senders:
        sender.start()
    rotations = 0
    while any(sender.is_alive() for sender in senders):
        if path.exists():
            path.rename(tmp_path / f"alerts.jsonl.{rotations}")
            rotations += 1
        threading.Event().wait(0.005)
    for sender in senders:
        sender.join()

    files = list(tmp_path.glob("alerts.jsonl*"))
    assert len(files) > 1
    assert len({line["key"] for file in files for line in lines(file)}) == 150


def test_half_a_line_of_a_crash_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"id": "half')
    log_file(path).send(a_body(), KEY)

    half, whole = path.read_text(encoding="utf-8").splitlines()
    assert half == '{"id": "half'
    assert json.loads(whole)["key"] == str(KEY)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/full", "No space left"),
        ("{tmp}/missing/alerts.jsonl", "No such file"),
        ("{tmp}", "Is a directory"),
    ],
)
def test_what_a_person_can_mend_is_tried_again(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(SendError, match=words) as caught:
        log_file(Path(path.format(tmp=tmp_path))).send(a_body(), KEY)

    assert not caught.value.permanent


_UP_TO_THE_LIMIT = """
import resource, sys
from pathlib import Path
from fumewatch.core.errors import SendError
from tests.receivers.factories import KEY, a_body
from tests.receivers.test_log import log_file

receiver = log_file(Path(sys.argv[1]))
receiver.send(a_body(), KEY)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 100,) * 2)
try:
    receiver.send(a_body(), KEY)
except SendError as error:
    print(error.permanent)
"""


def test_a_disk_full_in_the_middle_of_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", _UP_TO_THE_LIMIT, str(path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout == "False\n", done.stderr
    assert len(lines(path)) == 1
    assert path.read_bytes().endswith(b"\n")
