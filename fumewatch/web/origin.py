"""Whether a request was made by a page of ours, and asked for by a name of ours.

Browsers say where a request comes from, and no page can make them say otherwise: Sec-Fetch-Site
over https and on this machine, Origin with every POST. Whoever says neither is no browser of the
last years, and has to show a token.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from fumewatch.config import WebSettings

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS: Final = {"http": 80, "https": 443}


def is_own(method: str, headers: Mapping[str, str], web: WebSettings) -> bool:
    """False for what another site's page had a browser send, as far as it changes anything.

    Behind a proxy the Host header may be another one than people's: then public_url says theirs.
    """
    if method in SAFE:
        return True
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin", "")
    asked, host = _authority(origin), headers.get("host", "").lower()
    if asked is None or not host:
        return False
    return urlsplit(origin).netloc.lower() == host or asked == _authority(web.public_url)


def is_not_anothers(method: str, headers: Mapping[str, str], web: WebSettings) -> bool:
    """False only for what a browser says another site's page had it send."""
    is_said = "sec-fetch-site" in headers or headers.get("origin", "null") != "null"
    return not is_said or is_own(method, headers, web)


def is_our_name(host: str, web: WebSettings) -> bool:
    """Of the Host header. Another name may be one that somebody had lead here (DNS rebinding);
    an address leads nowhere else."""
    name = urlsplit(f"//{host}").hostname if _is_authority(host) else None
    if name is None:
        return False
    ours = {"localhost", web.host.lower(), urlsplit(web.public_url).hostname or ""}
    return name in ours - {""} or _is_address(name)


def _authority(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _is_authority(host: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return False
    return bool(host) and parts.netloc == host and "@" not in host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
