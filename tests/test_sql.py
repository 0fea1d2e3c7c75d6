"""No SQL is built from what comes from outside: what is put into a statement stands in the code.

In place of bandit's B608, which asks about every f-string: here each may hold constants of modules,
and nothing that a function was given.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

STORE: Final = Path(__file__).parents[1] / "fumewatch/store"
"""import-linter keeps psycopg behind this door."""
SQL: Final = re.compile(
    r"\s*(select|insert\s+into|update|delete\s+from|with\s+\w+|create|alter|drop|copy|grant|revoke|"
    r"truncate|set\s+\w+|lock|call|listen|notify|comment\s+on)\b.*\b"
    r"(from|into|set|as|table|where|values|to|on|select|index|schema|role|column|in)\b",
    re.IGNORECASE | re.DOTALL,
)
ALLOWED: Final = {
    ("devices.py", "table"): "the loop's own two names",
    ("history.py", "query"): "from constants, above",
    ("learned.py", "table"): "_gone, _upsert and _write are called with names of this module",
    ("learned.py", "same"): "from keys, as above",
    ("learned.py", "keys"): "as table",
    ("learned.py", "values"): "as table",
    ("pages/alerts.py", "newer"): "one of two, above",
    ("readings.py", "packed"): "from CHANNELS, above",
    ("wire.py", "query"): "callers hand over constants of their modules",
    ("wire.py", "table"): "callers hand over the names of tables",
    ("wire.py", "layout"): "callers hand over constants of their modules",
}
"""(file, name in the statement): why it is no text from outside."""


def statements(tree: ast.AST) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """(what makes a string that reads as SQL, what is put into it)"""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values) if SQL.match(text_of(values)):
                yield node, [v.value for v in values if isinstance(v, ast.FormattedValue)]
            case ast.BinOp(
                left=ast.Constant(value=str(text)), op=ast.Mod() | ast.Add(), right=right
            ):
                if SQL.match(text):
                    yield node, [right]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
                if SQL.match(text):
                    yield node, [*node.args, *(keyword.value for keyword in node.keywords)]


def text_of(values: list[ast.expr]) -> str:
    return "".join(v.value if isinstance(v, ast.Constant) else " x " for v in values)


def constants(tree: ast.Module) -> set[str]:
    """Names that a module gives a value once, when it is imported: its own and those it imports."""
    found = set(dir(builtins))
    for node in tree.body:
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(name.asname or name.name).partition(".")[0] for name in names}
            case ast.Assign(targets=[ast.Tuple(elts=elements)]):
                found |= {each.id for each in elements if isinstance(each, ast.Name)}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.FunctionDef(name=name):
                found.add(name)
    return found


def strangers(expression: ast.expr, known: set[str]) -> set[str]:
    own = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and not is_read(n)}
    read = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and is_read(n)}
    return read - own - known


def is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def found_in(source: str) -> list[tuple[int, str]]:
    tree = ast.parse(source)
    known = constants(tree)
    return [
        (node.lineno, name)
        for node, parts in statements(tree)
        for part in parts
        for name in sorted(strangers(part, known))
    ]


def test_what_is_put_into_a_statement_stands_in_the_code() -> None:
    found = {
        (str(file.relative_to(STORE)), name): line
        for file in sorted(STORE.rglob("*.py"))
        for line, name in found_in(file.read_text())
    }
    assert {key: line for key, line in found.items() if key not in ALLOWED} == {}
    assert ALLOWED.keys() <= found.keys(), "what is not needed any more"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    return f'select * from {x}'", ["x"]),
        ("def f(x):\n    return f'select a from t where b = {x.name}'", ["x"]),
        ("def f(x):\n    return 'select * from %s' % x", ["x"]),
        ("def f(x):\n    return 'delete from t where a = ' + x", ["x"]),
        ("def f(x):\n    return 'update t set a = {}'.format(x)", ["x"]),
        ("T = 't'\ndef f():\n    return f'select * from {T}'", []),
        ("C = ('a', 'b')\ndef f():\n    return f'''select {', '.join(c for c in C)} from t'''", []),
        ("def f(x):\n    return f'selected {x}'", []),
    ],
)
def test_the_look_finds_what_it_should(source: str, names: list[str]) -> None:
    assert [name for _, name in found_in(source)] == names
