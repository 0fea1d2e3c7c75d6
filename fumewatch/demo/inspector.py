"""Who answers in the demo, as people do: an inspector, through the link of a notice, over HTTP."""

import secrets
from html.parser import HTMLParser
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from fumewatch.core.followup.answer import Answer
from fumewatch.demo.local import request

NAME: Final = "演示巡查员 (demo)"


def acknowledge(link: str) -> bool:
    """Open the link, fill in the name, press the button. False: not this time."""
    address = urlsplit(link)
    try:
        page = request(address.port or 80, address.path)
        form = _form(page.text) if page.status == 200 else ""
        if not form:
            return False
        boundary = secrets.token_hex(16)
        body = _multipart({"form": form, "name": NAME}, boundary)
        answered = request(
            address.port or 80,
            f"{address.path}/{Answer.ACKNOWLEDGE}",
            body,
            f"multipart/form-data; boundary={boundary}",
        )
    except (OSError, HTTPException):
        return False
    return answered.status == 303


def _form(page: str) -> str:
    """What the page's form to acknowledge is known by; "" where it has none."""
    fields = _Fields()
    fields.feed(page)
    return next((each for each in fields.forms if each.endswith(f"-{Answer.ACKNOWLEDGE}")), "")


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("name") == "form":
            self.forms.append(found.get("value") or "")


def _multipart(fields: dict[str, str], boundary: str) -> bytes:
    """As a browser sends a form (RFC 7578)."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return f"{''.join(parts)}--{boundary}--\r\n".encode()
