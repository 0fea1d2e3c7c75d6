"""Users behind the real application with a login, and a browser's or a program's way in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr
from starlette.testclient import TestClient

from fumewatch.config import Config, WebSettings
from fumewatch.config.tree import LoginSettings
from fumewatch.core.access import Role, Scope
from fumewatch.store import Database, accounts, passwords, sessions, tokens
from fumewatch.store.accounts import Account

PASSWORD: Final = "correct horse battery"
METRICS_TOKEN: Final = "m" * 32
HOST: Final = "http://127.0.0.1:8080"
NAMES: Final = {Role.VIEWER: "kan", Role.INSPECTOR: "zhangsan", Role.ADMIN: "chen"}


def with_login(config: Config, public_url: str = "", **login: Any) -> Config:
    login_settings = LoginSettings(metrics_token=SecretStr(METRICS_TOKEN), **login)
    web = WebSettings(public_url=public_url)
    return config.model_copy(update={"login": login_settings, "web": web})


def kept() -> str:
    """Of PASSWORD."""
    return passwords.hashed(PASSWORD)


@contextmanager
def with_cheap_argon2() -> Iterator[None]:
    """The real one, with parameters that take no time; test_login_browser.py has those of ours."""
    real, hasher = passwords._argon2, PasswordHash([Argon2Hasher(1, 64, 1)])
    passwords._of_nobody.cache_clear()
    passwords._argon2 = lambda: hasher  # type: ignore[assignment]
    yield
    passwords._argon2 = real
    passwords._of_nobody.cache_clear()


@dataclass(frozen=True)
class Users:
    """One of each role, and a token of each scope."""

    accounts: dict[Role, Account]
    tokens: dict[Scope, str]


def add_users(database: Database, now: datetime) -> Users:
    with database.transaction() as conn:
        found = {}
        for role, name in NAMES.items():
            display = "张三" if role is Role.INSPECTOR else ""
            account = accounts.add(conn, name, role, "test", now, display_name=display)
            accounts.choose(conn, account, kept(), "test", now)
            found[role] = account
        secrets = {s: tokens.add(conn, f"of {s}", [s], "test", now)[1] for s in Scope}
    return Users(found, secrets)


def browser_of(
    app: FastAPI, address: str = "192.0.2.1", host: str = HOST, **more: Any
) -> TestClient:
    """As a browser asks from a page of ours, and does not follow where it is sent."""
    headers = {"sec-fetch-site": "same-origin", "accept-language": "en"}
    return TestClient(
        app,
        base_url=host,
        headers=headers | more.pop("headers", {}),
        client=(address, 50_000),
        follow_redirects=False,
        **more,
    )


def log_in(client: TestClient, name: str, password: str = PASSWORD, to: str = "") -> Any:
    return client.post("/login", data={"name": name, "password": password, "next": to})


def let_in(
    client: TestClient,
    database: Database,
    account: Account,
    now: datetime,
    cookie: str = "fumewatch",
) -> str:
    """Logged in without the argon2 of it; the cookie's value."""
    with database.transaction() as conn:
        secret = sessions.start(conn, account, "192.0.2.1", "test", now)
    client.cookies.set(cookie, secret)
    return secret


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
