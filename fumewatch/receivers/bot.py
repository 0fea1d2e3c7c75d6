"""Bot: what the group bots of WeCom, DingTalk and Feishu have in common.

They answer HTTP 200 whatever became of a message; a code in the body says it. A refusal is for
good where it is about this message: too long, malformed, without the bot's keyword. Where it is
about the moment (too often, busy) or about how the bot is set up (key, signature, address, the bot
taken out of its group) it is tried again, so that what is mended within the day loses nothing.

None of them knows an idempotency key: a message whose answer is lost is sent again, and may be
seen twice.
"""

import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar

import httpx2
from pydantic import Field

from fumewatch.core.errors import SendError, Throttled
from fumewatch.core.letter import Letter, Style, render
from fumewatch.core.notice import as_notice
from fumewatch.core.phrases import one_line
from fumewatch.receivers.bucket import Bucket
from fumewatch.receivers.mention import NOBODY, Called, Mention, MentionWhen, called
from fumewatch.receivers.post import (
    TRY_AGAIN,
    Answer,
    Post,
    PostFields,
    Url,
    as_json,
    hide,
    parse_retry_after,
)
from fumewatch.receivers.receiver import Body, as_answer

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
LONGEST_TITLE: Final = 64
SPARE: Final = 1.0
"""Seconds added to a remote's window: a request may take longer to arrive than the one before."""
LEAST_TEXT: Final = 500
"""Bytes; with less there is no letter."""
SET_UP_REST: Final = timedelta(minutes=5)

Told = dict[str, Any]
"""A request's body, as JSON."""


class BotFields(PostFields):
    """What each [[receiver]] that is a group bot has. The URL holds its key, so it is not shown."""

    takes: Literal["transitions", "groups"] = "groups"
    url: Url
    mention: Mention = Mention()
    mention_when: MentionWhen = MentionWhen()
    most_per_minute: int = Field(20, ge=0, le=6000)


S = TypeVar("S", bound=BotFields)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message was not taken, and what to do. `rest`: how long to leave the bot alone."""

    reason: str
    permanent: bool = False
    rest: timedelta | None = None


def message(reason: str) -> Fault:
    return Fault(reason, permanent=True)


def set_up(reason: str) -> Fault:
    return Fault(reason, rest=SET_UP_REST)


def moment(reason: str, **rest: int) -> Fault:
    """`rest` as of timedelta: seconds=30."""
    return Fault(reason, rest=timedelta(**rest))


class Bot(ABC, Generic[S]):
    """A receiver. One that is refused for good with its mention is sent once more without it."""

    platform: ClassVar[str]
    codes: ClassVar[Mapping[str, str]] = {"errcode": "errmsg"}
    """Where the answer has its code -> where the words for it, the first that is there."""
    faults: ClassVar[Mapping[int, Fault]]
    limits: ClassVar[tuple[tuple[int, float], ...]] = ()
    """(most, seconds) beside most_per_minute."""

    def __init__(
        self,
        settings: S,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._now = now
        self._clock = clock
        self._hidden = _secrets(settings.url.get_secret_value())
        self._post = Post(settings, self._hidden, clock)
        per_minute = ((settings.most_per_minute, 60 + SPARE),) if settings.most_per_minute else ()
        self._bucket = Bucket(*per_minute, *self.limits)
        self._lock = threading.Lock()

    @abstractmethod
    def _request(self, notice: Body, who: Called) -> tuple[str, Told]:
        """Where to, and what."""

    def _fault(self, code: int, said: str) -> Fault | None:
        """By its code; by its words too where the platform uses one code for several things."""
        return self.faults.get(code)

    def _odd(self, answer: Any) -> Fault | None:
        """What an answer without a code may still mean."""
        return None

    def send(self, body: Body, key: uuid.UUID) -> str:
        settings = self._settings
        notice = as_notice(body, settings.name)
        who = called(notice, settings.mention, settings.mention_when)
        try:
            return self._hand_over(notice, who)
        except SendError as error:
            if not (error.permanent and who):
                raise
            answer = self._hand_over(notice, NOBODY)
            return as_answer(f"{answer}, without its mention; with it: {error.detail}")

    def close(self) -> None:
        self._post.close()

    def _hand_over(self, notice: Body, who: Called) -> str:
        url, told = self._request(notice, who)
        self._take()
        answer = self._post.send(url, as_json(told), JSON)
        return self._judge(answer)

    def _take(self) -> None:
        with self._lock:
            wait = self._bucket.take(self._clock())
        if wait:
            detail = f"not sent: {self.platform} is to be left alone for a while"
            raise Throttled(detail, retry_after=timedelta(seconds=wait))

    def _judge(self, answer: Answer) -> str:
        said = answer.json()
        code, words = self._verdict(said)
        if code is None:
            words = f"{answer.status} {answer.text}".strip()
            raise self._refusal(self._odd(said) or self._unspoken(answer), answer, words)
        told = f"{next(iter(self.codes))} {code}: {words}"
        if code == 0 and answer.is_success:
            return as_answer(hide(told, self._hidden))
        raise self._refusal(self._fault(code, words) or Fault(""), answer, told)

    def _verdict(self, said: Any) -> tuple[int | None, str]:
        """(None, "") where it is no answer of the platform."""
        if isinstance(said, dict):
            for name, words in self.codes.items():
                if type(said.get(name)) is int:
                    return said[name], str(said.get(words, ""))
        return None, ""

    def _unspoken(self, answer: Answer) -> Fault:
        """What comes without a code comes from something between us and the platform."""
        if answer.is_success and not answer.is_whole:
            return Fault(f"the answer of {self.platform} broke off: it may have been taken")
        if 300 <= answer.status < 400:
            return set_up("sent elsewhere, to a log-in page perhaps; let fumewatch through")
        if answer.status == 413:
            return message("the message was too long")
        if answer.status >= 500 or answer.status in TRY_AGAIN:
            return Fault("")
        return set_up(f"no answer of {self.platform}; is the URL right, or a proxy between?")

    def _refusal(self, fault: Fault, answer: Answer, told: str) -> SendError:
        """The reason first: what the remote said may be long, and is cut."""
        asked = parse_retry_after(answer.headers.get("retry-after", ""), self._now())
        rest = max(filter(None, [asked, fault.rest]), default=None)
        if rest and not fault.permanent:
            with self._lock:
                self._bucket.shut(self._clock() + rest.total_seconds())
        detail = " · ".join(filter(None, [fault.reason, hide(told, self._hidden)]))
        return SendError(as_answer(detail), permanent=fault.permanent, retry_after=rest)

    def _render(self, notice: Body, style: Style, most_bytes: int) -> Letter:
        """In the language of the contact it is meant for, or the receiver's."""
        return render(
            notice,
            language=(notice["to"] or {}).get("language") or self._settings.language,
            style=style,
            templates=self._settings.wording.templates,
            most_bytes=most_bytes,
        )


def fitted(told: Callable[[int], Told], most: int) -> Told:
    """`told` of as many bytes of text as keep the whole request within `most`.

    JSON writes some characters longer than they are, so that is known only afterwards.
    """
    made, room = told(most), most
    while (size := len(as_json(made))) > most and room > LEAST_TEXT:
        room = max(LEAST_TEXT, room * most // size)
        made = told(room)
    return made


def as_title(text: str) -> str:
    """Not parsed by any platform; an @ that calls nobody should not look as if it did."""
    return one_line(text.replace("@", "＠"), LONGEST_TITLE)


def _secrets(url: str) -> list[str]:
    """What of a URL must not be shown, the longest first."""
    parsed = httpx2.URL(url)
    parts = [url, parsed.raw_path.decode("ascii"), parsed.path.rpartition("/")[2]]
    parts += [value for _, value in parsed.params.multi_items()]
    return sorted(set(parts), key=len, reverse=True)
