"""contacts.csv: the people of sites, of vendors and of streets, one row each.

A row names whose contact it is: a site, a vendor or a street. There a name is one person.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal

from fumewatch.core import cells
from fumewatch.core.addressing import ROLES, Entry, Role
from fumewatch.core.notice import Contact
from fumewatch.core.table import BAD, Column, Row, Table, guarded, read

COLUMNS: Final = (
    Column("site_code", ("单位编码", "餐饮单位编码", "site"), "whose: a site, as in sites.csv"),
    Column("vendor", ("厂商", "品牌", "运维单位"), "or: a vendor, as in sites.csv"),
    Column("street", ("街镇", "街道"), "or: a street or town, as in sites.csv"),
    Column("name", ("姓名", "联系人"), "of the person, or of the post, e.g. 值班"),
    Column("email", ("邮箱", "电子邮箱", "邮件"), "one address"),
    Column("phone", ("电话", "手机", "手机号", "联系电话"), "digits, e.g. 13800000000"),
    Column(
        "account", ("账号", "用户账号", "userid"), "user id on a bot's platform, to be mentioned"
    ),
    Column("language", ("语言",), "zh, en or both (中文, 英文, 双语); empty: zh"),
)
NEEDED: Final = ("name",)

_OWNERS: Final[dict[Role, str]] = {"site": "site_code", "vendor": "vendor", "street": "street"}
_REACHED_BY: Final = ("email", "phone", "account")
_LONGEST_NAME: Final = 64
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"[A-Za-z0-9-]{2,}"
)
_PHONE: Final = re.compile(r"\+?\d{5,20}")
_BETWEEN_DIGITS: Final = re.compile(r"[\s().-]")
_ACCOUNT: Final = re.compile(r"[^\s<>\"'&()\[\]`|]{1,64}")
_EVERYBODY: Final = ("all", "everyone", "here", "所有人")
_LANGUAGES: Final[dict[str, Literal["zh", "en", "both"]]] = {
    **dict.fromkeys(("zh", "中文", "汉语"), "zh"),
    **dict.fromkeys(("en", "英文", "英语"), "en"),
    **dict.fromkeys(("both", "双语", "中英文"), "both"),
}


def parse(data: bytes, name: str, sites: Collection[str]) -> tuple[Entry, ...]:
    """In the order of the file, without ids. Raise ImportRefused with every fault as
    `name:line column: what`.

    `sites`: the codes of the sites that are known.
    """
    table = read(data, name, COLUMNS, NEEDED)
    book: dict[tuple[Role, str, str], tuple[int, Entry]] = {}
    for row in table.rows:
        _check_cells(table, row)
        entry = _entry(table, row, sites)
        if entry is None:
            continue
        line, _ = book.setdefault((entry.role, entry.of, entry.contact.name), (row.line, entry))
        if line != row.line:
            what = f"{entry.contact.name} of {entry.of} is in line {line}; delete one"
            table.fault(row.line, "name", what)
    table.refuse()
    return tuple(entry for _, entry in book.values())


def write(entries: Iterable[Entry]) -> str:
    """The file that `parse` reads back as these entries."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    for entry in entries:
        contact = entry.contact
        owner = (entry.of if role == entry.role else "" for role in ROLES)
        reached = (contact.email, contact.phone, contact.account)
        writer.writerow(map(guarded, (*owner, contact.name, *reached, contact.language)))
    return out.getvalue()


def _check_cells(table: Table, row: Row) -> None:
    """Bring each cell into one spelling; a wrong one is told and marked."""
    for column, text in row.cells.items():
        if text is BAD or column not in _CHECKS:
            continue
        try:
            row.cells[column] = _CHECKS[column](text)
        except ValueError as error:
            table.fault(row.line, column, str(error))
            row.cells[column] = BAD


def _entry(table: Table, row: Row, sites: Collection[str]) -> Entry | None:
    """None where that is a fault."""
    found = row.cells
    owners = [(role, found[column]) for role, column in _OWNERS.items() if column in found]
    reached = [column for column in _REACHED_BY if column in found]
    if "name" not in found:
        table.fault(row.line, "name", "missing; every row needs it")
    if len(owners) != 1:
        said = " and ".join(_OWNERS[role] for role, _ in owners) or "none"
        what = f"a contact is of one site_code, vendor or street; here is {said}"
        table.fault(row.line, "", what)
    elif owners[0][0] == "site" and owners[0][1] not in sites and owners[0][1] != BAD:
        what = f"no site has the code {owners[0][1]!r}; see sites list"
        table.fault(row.line, "site_code", what)
    if not reached:
        table.fault(row.line, "", "cannot be reached; give an email, a phone or an account")
    if BAD in found.values() or "name" not in found or len(owners) != 1:
        return None
    return Entry(*owners[0], _contact(found))


def _contact(found: dict[str, str]) -> Contact:
    return Contact(
        0,
        found["name"],
        found.get("email", ""),
        found.get("phone", ""),
        found.get("account", ""),
        _LANGUAGES[found.get("language", "zh")],
    )


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME:
        raise ValueError(f"has {len(text)} characters; {_LONGEST_NAME} are allowed")
    return text


def _email(text: str) -> str:
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise ValueError(f"{text!r} is no e-mail address; write one, like duty@example.org")
    return text


def _phone(text: str) -> str:
    """Only digits, and a leading + where there is one."""
    cells.code(text)
    digits = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", text))
    if not _PHONE.fullmatch(digits):
        raise ValueError(f"{text!r} is no phone number; write one, like 13800000000")
    return digits


def _account(text: str) -> str:
    if text.casefold() in _EVERYBODY:
        raise ValueError(f"{text!r} would mention everybody; name one person's account")
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is no account; write the user id, without spaces or brackets")
    return text


def _language(text: str) -> str:
    if language := _LANGUAGES.get(text.casefold()):
        return language
    raise ValueError(f"{text!r} is no language of messages; write zh, en or both")


_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "site_code": cells.code,
    "name": _name,
    "email": _email,
    "phone": _phone,
    "account": _account,
    "language": _language,
}
