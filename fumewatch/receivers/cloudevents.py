"""CloudEvents 1.0 over HTTP (cloudevents.io, HTTP protocol binding 1.0.2): a POST for each change.

structured: the event as JSON, application/cloudevents+json. binary: the attributes as headers ce-*,
the body of the contract as it is.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator

from fumewatch.core.notice import is_notice
from fumewatch.receivers.post import (
    Headers,
    Post,
    PostFields,
    Url,
    as_json,
    revealed,
    tokens_of,
)
from fumewatch.receivers.receiver import Body, content

STRUCTURED: Final = "application/cloudevents+json"
_SAFE: Final = "".join(c for c in map(chr, range(0x21, 0x7F)) if c not in '"%')
"""What stands in a header as it is (HTTP binding, 3.1.3.2); the rest is percent-encoded UTF-8."""


class CloudEventsSettings(PostFields):
    """A [[receiver]] of kind "cloudevents". `source`: a URI that says whose events these are."""

    kind: Literal["cloudevents"]
    parallel: int = Field(4, ge=1, le=16)
    url: Url
    headers: Headers = Field(default_factory=dict)
    mode: Literal["structured", "binary"] = "structured"
    source: str = Field("/fumewatch", pattern=r"^[\w.~:/?#\[\]@!$&'()*+,;=%-]+$")

    @field_validator("headers")
    @classmethod
    def _are_no_attributes(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name in headers:
            if name.lower().startswith("ce-"):
                raise ValueError(f"{name!r} is set by fumewatch")
        return headers


class CloudEvents:
    def __init__(self, settings: CloudEventsSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._url = settings.url.get_secret_value()
        self._headers = revealed(settings.headers)
        self._post = Post(settings, tokens_of(self._url, self._headers))

    def send(self, body: Body, key: uuid.UUID) -> str:
        attributes = attributes_of(body, key, self._settings.source)
        data = content(body, key, self._settings.language)
        headers = {**self._headers, "Idempotency-Key": str(key)}
        if self._settings.mode == "binary":
            headers |= {f"ce-{name}": quote(v, safe=_SAFE) for name, v in attributes.items()}
            headers["Content-Type"] = "application/json"
            answer = self._post.send(self._url, as_json(data), headers)
        else:
            event = {**attributes, "datacontenttype": "application/json", "data": data}
            headers["Content-Type"] = STRUCTURED
            answer = self._post.send(self._url, as_json(event), headers)
        if answer.is_success:
            return answer.said
        raise answer.refusal(self._now())

    def close(self) -> None:
        self._post.close()


def attributes_of(body: Body, key: uuid.UUID, source: str) -> dict[str, str]:
    """Of a transition, or of a notice, which is about no monitor alone and has no subject."""
    about = {"specversion": "1.0", "id": str(key), "source": source, "time": body["at"]}
    if is_notice(body):
        reason = body["reason"].replace(" ", "_")
        return {**about, "type": f"fumewatch.notice.{reason}"}
    subject = f"{body['district']}/{body['monitor']}"
    return {**about, "type": f"fumewatch.alert.{body['state']}", "subject": subject}
