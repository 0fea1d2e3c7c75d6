"""What every receiver is and what all their settings share."""

import uuid
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fumewatch.core.alert import State
from fumewatch.core.dispatch.mute import Quiet
from fumewatch.core.letter import Wording
from fumewatch.core.notice import is_notice
from fumewatch.core.phrases import one_line

Body = dict[str, Any]
"""A notification as the contract shows it: made by core.wording, kept as JSON in the outbox."""

LONGEST_ANSWER: Final = 300
"""Characters kept of what a remote said; it goes into the outbox and onto the page."""


class Receiver(Protocol):
    """One way of sending. Safe to be used from several threads at once."""

    def send(self, body: Body, key: uuid.UUID) -> str:
        """The remote's answer; SendError where it did not take the notification.

        The same `key` may come again after a crash: a remote that keeps keys sees each once.
        """
        ...

    def close(self) -> None:
        """Let go of connections; nothing is sent afterwards."""
        ...


class ReceiverFields(BaseModel):
    """What each [[receiver]] has. `parallel` bounds the sends under way to it at one time.

    takes: "transitions", each by itself and at once, for machines; "groups" for people, as the
    route groups them. contact: who is addressed, where the address is not the receiver's own: the
    contact of the alert's site, vendor or street. most_per_minute: a limit of the remote; what is
    beyond it is turned into one message; 0: none. wording: layouts of its own, of what people read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")
    states: tuple[State, ...] = Field((State.FIRING, State.RESOLVED), min_length=1)
    language: Literal["both", "zh", "en"] = "both"
    parallel: int = Field(1, ge=1, le=16)
    takes: Literal["transitions", "groups"] = "transitions"
    quiet: Quiet | None = None
    contact: Literal["site", "vendor", "street"] | None = None
    most_per_minute: int = Field(0, ge=0, le=6000)
    wording: Wording = Wording()

    @field_validator("states")
    @classmethod
    def _once_each(cls, states: tuple[State, ...]) -> tuple[State, ...]:
        return tuple(dict.fromkeys(states))

    @property
    def is_machine(self) -> bool:
        return self.takes == "transitions"

    def is_told(self, before: State | None, after: State) -> bool:
        """Whether a transition goes there; an end only where its beginning went."""
        if after is State.RESOLVED and before is State.PENDING and State.PENDING not in self.states:
            return False
        return after in self.states


def content(body: Body, key: uuid.UUID, language: Literal["both", "zh", "en"]) -> Body:
    """What goes out: the body with its key and only the texts that this receiver's people read.

    A notice as it is: a machine gets one as a test or a dead-man message only.
    """
    if is_notice(body):
        return {**body, "key": str(key)}
    text = body["text"] if language == "both" else {language: body["text"][language]}
    return {**body, "key": str(key), "text": text}


def as_answer(text: str) -> str:
    """What a remote said, or an error, as it is kept and shown."""
    return one_line(text, LONGEST_ANSWER)
