"""Pages and API. `create_app` builds them, `Server` serves them in a thread."""

from fumewatch.web.app import create_app
from fumewatch.web.server import Server

__all__ = ["Server", "create_app"]
