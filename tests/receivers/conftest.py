import ssl
from collections.abc import Iterator

import httpcore2
import pytest


@pytest.fixture(scope="session", autouse=True)
def trust_is_read_once() -> Iterator[None]:
    """Reading the system's certificates takes longer than most tests here."""
    trust: ssl.SSLContext = httpcore2.default_ssl_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", lambda **_: trust)
        yield
