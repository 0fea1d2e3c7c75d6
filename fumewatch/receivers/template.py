"""Templates of a request: Jinja2 in a sandbox, over a notice; what is not defined is an error.

A value from outside is made inert for where it goes: quoted in a URL, percent-encoded in a header.
In a body that is up to the template: `tojson`, or `urlencode` for a form.
"""

import base64
import hashlib
import hmac
import json
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fumewatch.core.phrases import instant, one_line
from fumewatch.core.site import ZONE_NAME

_FILE: Final = "<template>"
"""What Jinja2 calls a template that came as a text, in tracebacks."""
_NOT_OFFERED: Final = ("lipsum", "cycler", "joiner")
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))


class TemplateFault(ValueError):
    """Its text says the line, and what is wrong; fit to be shown."""


class Inert(str):
    """Made fit for its place by the template itself; not quoted once more."""


class Template:
    """`names`: what a context offers. TemplateFault where the text is no template over these."""

    def __init__(self, text: str, environment: ImmutableSandboxedEnvironment) -> None:
        try:
            self._template = environment.from_string(text)
            self.names = meta.find_undeclared_variables(environment.parse(text))
        except TemplateSyntaxError as error:
            raise TemplateFault(
                f"line {error.lineno}: {one_line(str(error.message), 200)}"
            ) from None
        except TemplateError as error:
            raise TemplateFault(one_line(str(error), 200)) from None

    def render(self, context: Mapping[str, Any]) -> str:
        """TemplateFault where it cannot be rendered over this context."""
        try:
            return self._template.render(context)
        except Exception as error:  # a filter may raise anything over a value it does not expect
            raise TemplateFault(f"line {_line(error)}: {one_line(_words(error), 200)}") from None


def for_body(charset: str = "utf-8") -> ImmutableSandboxedEnvironment:
    return _environment(charset)


def for_url() -> ImmutableSandboxedEnvironment:
    environment = _environment("utf-8")
    environment.filters["urlencode"] = lambda value: Inert(_urlencode(value))
    environment.finalize = partial(_inert, partial(quote, safe=""))
    return environment


def for_header() -> ImmutableSandboxedEnvironment:
    environment = _environment("utf-8")
    environment.finalize = partial(_inert, partial(quote, safe=_PRINTABLE))
    return environment


def _environment(charset: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    for name in _NOT_OFFERED:
        del environment.globals[name]
    environment.filters |= {
        "tojson": _tojson,
        "urlencode": partial(_urlencode, charset=charset),
        "when": _when,
        "base64": lambda value: base64.b64encode(_bytes(value)).decode(),
        "md5": lambda value: hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest(),
        "sha256": lambda value: hashlib.sha256(_bytes(value)).hexdigest(),
        "hmac_sha256": _hmac_sha256,
    }
    return environment


def _inert(quoted: Callable[[str], str], value: Any) -> str:
    return value if isinstance(value, Inert) else quoted(_text(value))


def _tojson(value: Any) -> str:
    """Jinja2's own is for HTML: it would write < and & as escapes, and sort the keys."""
    return json.dumps(_known(value), ensure_ascii=False, allow_nan=False)


def _urlencode(value: Any, charset: str = "utf-8") -> str:
    """A table as a=1&b=2, anything else as one value; what the charset does not have becomes ?."""
    if isinstance(value, Mapping):
        return urlencode(list(value.items()), encoding=charset, errors="replace")
    return quote(_text(value), safe="", encoding=charset, errors="replace")


def _when(value: Any, form: str = "%Y-%m-%d %H:%M:%S", zone: str = ZONE_NAME) -> str:
    """A time of the notice in another form: {{ at | when("%Y%m%d%H%M%S") }}; "ms": Unix time."""
    at = instant(value)
    if at is None:
        raise TypeError(f"{value!r} is not a time")
    if form == "ms":
        return str(int(at.timestamp() * 1000))
    return at.astimezone(ZoneInfo(zone)).strftime(form)


def _hmac_sha256(value: Any, key: str) -> str:
    return hmac.new(key.encode(), _bytes(value), hashlib.sha256).hexdigest()


def _bytes(value: Any) -> bytes:
    return _text(value).encode()


def _text(value: Any) -> str:
    return str(_known(value))


def _known(value: Any) -> Any:
    """A value that is not defined raises here, where not every filter would; what an `if` without
    `else` leaves open is empty, as Jinja2 has it."""
    return str(value) if isinstance(value, Undefined) else value


def _words(error: Exception) -> str:
    said = str(error)
    return said if isinstance(error, TemplateError) else f"{type(error).__name__}: {said}"


def _line(error: Exception) -> int:
    """Of the template, where it came to grief; Jinja2 puts that into the traceback."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == _FILE]
    return lines[-1] or 1 if lines else 1
