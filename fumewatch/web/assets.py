"""Our own static files, and plotly's script out of its own wheel.

Every file that was asked for is held compressed in memory, and addressed by its content's hash, so
browsers may keep it for good. plotly's script is close to 5 MB: it is compressed once, when first
asked for, and read from the wheel again for the rare client that takes no gzip.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PLOTLY: Final = "plotly.min.js"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
_YEAR: Final = 365 * 24 * 3600
_STYLE_GUARD: Final = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    source: Traversable
    media_type: str
    version: str

    def answer(self, request: Request) -> Response:
        """The file, or 304 where the client has it already."""
        headers = {
            "Cache-Control": f"public, max-age={_YEAR}, immutable"
            if request.query_params.get("v") == self.version
            else "no-cache",
            "ETag": f'"{self.version}"',
            "Vary": "Accept-Encoding",
        }
        if self.version in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.source.read_bytes(), media_type=self.media_type, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(_zipped(self.source.name), media_type=self.media_type, headers=headers)


@cache
def assets() -> dict[str, Asset]:
    """Every static file by its name."""
    own = {file.name: file for file in (files("fumewatch.web") / "static").iterdir()}
    plotly = files("plotly") / "package_data" / PLOTLY
    return {name: _load(name, file) for name, file in (own | {PLOTLY: plotly}).items()}


def url(name: str) -> str:
    return f"/static/{name}?v={assets()[name].version}"


@cache
def plotly_style_guards() -> list[str]:
    """Ids under which plotly's script looks for styles before it writes its own into the page.

    Our policy lets nothing write styles into a page; an empty element under each id keeps plotly
    from trying. What its plots need of them is in our own plot.css.
    """
    found = _STYLE_GUARD.findall(assets()[PLOTLY].source.read_bytes())
    return sorted({id.decode() for id in found})


def _load(name: str, file: Traversable) -> Asset:
    body = file.read_bytes()
    version = hashlib.sha256(body).hexdigest()[:16]
    return Asset(file, _TYPES[name.rsplit(".", 1)[-1]], version)


@cache
def _zipped(name: str) -> bytes:
    return gzip.compress(assets()[name].source.read_bytes(), compresslevel=6, mtime=0)
