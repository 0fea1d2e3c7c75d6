"""A configuration as it was written: the file's values under the environment's, and where each is.

1. TOML text → values and line numbers.
2. FUMEWATCH_MQTT__URL and the like override tables' keys.
3. `password_file = "..."` becomes `password` with what the file holds.
4. Other paths are made relative to the configuration's folder.

`credential:NAME` in the place of a path is a file of $CREDENTIALS_DIRECTORY: what systemd hands a
service by LoadCredential= or LoadCredentialEncrypted=.
"""

import contextlib
import difflib
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from fumewatch.config import positions, shape
from fumewatch.core.errors import Fault

PREFIX: Final = "FUMEWATCH_"
_RESERVED: Final = {"FUMEWATCH_CONFIG"}
_PASSWORD_IN_URL: Final = re.compile(r"[a-z]+://[^/@\s]*:[^/@\s]+@")
CREDENTIAL: Final = "credential:"
_CREDENTIAL_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}")
_AT: Final = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(slots=True)
class Source:
    """`values` is what pydantic gets; faults found on the way are kept, not raised."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[positions.Path, int] = field(default_factory=dict)
    variables: dict[positions.Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    """What it names by `..._file`, there or not."""
    exposed: list[Fault] = field(default_factory=list)
    """Of the warnings those of secrets that others than us can read."""
    written: list[positions.Path] = field(default_factory=list)
    """Secrets that stand in the file itself."""
    credentials: Path | None = None
    """Where systemd put this service's credentials."""
    is_readable: bool = False

    def where(self, path: positions.Path) -> str:
        """file:line of a key, or the environment variable that set it."""
        for n in range(len(path), 0, -1):
            if path[:n] in self.variables:
                return f"environment variable {self.variables[path[:n]]}"
        return f"{self.path}:{positions.nearest(self.lines, path)}"

    def fault(self, path: positions.Path, what: str) -> None:
        self.faults.append(Fault(self.where(path), self._named(path, what)))

    def warn(self, path: positions.Path, what: str) -> None:
        self.warnings.append(Fault(self.where(path), self._named(path, what)))

    def expose(self, path: positions.Path, what: str) -> None:
        self.warn(path, what)
        self.exposed.append(self.warnings[-1])

    def warn_of_open_secrets(self) -> None:
        """Of each that stands in the file: a copy of the file is then a copy of the secret."""
        for path in self.written:
            how = f": {path[-1]}_file" if isinstance(path[-1], str) else ""
            self.expose(path, f"a secret stands here; better in a file of its own{how}")

    def at(self, path: positions.Path) -> Any:
        """The value as written, or None."""
        node: Any = self.values
        for part in path:
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                return None
        return node

    def items(self, section: str) -> list[Any]:
        """The [[section]] tables as written, right or wrong."""
        items = self.values.get(section)
        return items if isinstance(items, list) else []

    def valid(self, section: str, shape: Any) -> Iterator[tuple[int, Any]]:
        """Of the [[section]] tables those that are right in themselves, with their places."""
        adapter: TypeAdapter[Any] = TypeAdapter(shape)
        for index, item in enumerate(self.items(section)):
            try:
                yield index, adapter.validate_python(item)
            except ValidationError:
                continue  # told already

    def in_order(self, faults: list[Fault]) -> list[Fault]:
        """By line; what stands in the environment or in no line comes first."""
        prefix = f"{self.path}:"
        return sorted(
            faults,
            key=lambda fault: (
                int(fault.where.removeprefix(prefix)) if fault.where.startswith(prefix) else 0
            ),
        )

    def _named(self, path: positions.Path, what: str) -> str:
        """The path as a person would say it: rule "exceedance": window, or [mqtt] url."""
        match path:
            case ():
                return what
            case (str(section), int(index), *rest):
                item = self.at((section, index))
                label = f"{section} {_label(item) or index + 1}"
                return ": ".join([label, *_dotted(rest), what])
            case (str(section), *rest) if rest or isinstance(self.at(path), dict):
                return f"[{section}] " + ": ".join([*_dotted(rest), what])
            case _:
                return ": ".join([*_dotted(list(path)), what])


def read(path: Path, env: Mapping[str, str], model: type[BaseModel]) -> Source:
    directory = env.get("CREDENTIALS_DIRECTORY")
    source = Source(path, credentials=Path(directory) if directory else None)
    text = _text(source)
    if text is None or not _parse(source, text):
        return source
    source.is_readable = True
    _override(source, env, model)
    _resolve(source, model, source.values, ())
    return source


def closest(word: str, known: list[str]) -> str:
    """A suggestion to append to a message, or what is known where nothing comes near."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def _label(item: Any) -> str:
    name = item.get("id", item.get("name")) if isinstance(item, dict) else None
    return f'"{name}"' if isinstance(name, str) and name else ""


def _dotted(rest: list[Any]) -> list[str]:
    text = ""
    for part in rest:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return [text] if text else []


def _text(source: Source) -> str | None:
    where = str(source.path)
    try:
        return source.path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        what = "no such file; start from config.example.toml, or name another with --config"
    except IsADirectoryError:
        what = "is a directory, not a file"
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        where, what = f"{where}:{line}", "is not UTF-8; save the file as UTF-8"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    source.faults.append(Fault(where, what))
    return None


def _parse(source: Source, text: str) -> bool:
    try:
        source.values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        last = text.rstrip().count("\n") + 1
        line = int(at[1]) if at and at[1] else last
        what = _AT.sub("", str(error))
        source.faults.append(Fault(f"{source.path}:{line}", f"not TOML: {what}"))
        return False
    except RecursionError:
        source.faults.append(Fault(str(source.path), "not TOML: nested too deeply"))
        return False
    source.lines = positions.find(text)
    return True


def _override(source: Source, env: Mapping[str, str], model: type[BaseModel]) -> None:
    for variable in sorted(env):
        if variable.startswith(PREFIX) and variable not in _RESERVED:
            _override_one(source, variable, env[variable], model)


def _override_one(source: Source, variable: str, text: str, model: type[BaseModel]) -> None:
    keys = variable.removeprefix(PREFIX).lower().split("__")
    table = source.values
    known = shape.fields(model)
    for key in keys[:-1]:
        inner = shape.pick(known.get(key), None)
        if inner is None:
            return _unknown_variable(source, variable, known, key, is_sure=len(keys) > 1)
        known = shape.fields(inner)
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            return None  # pydantic will say that this is no table
    key = keys[-1]
    if key not in known and not _is_twin(key, known):
        return _unknown_variable(source, variable, known, key, is_sure=len(keys) > 1)
    source.variables[tuple(keys)] = variable
    table[key] = _typed(text, known.get(key))
    return None


def _unknown_variable(
    source: Source, variable: str, known: dict[str, Any], key: str, *, is_sure: bool
) -> None:
    """Refuse what is meant for us; only warn of a stray FUMEWATCH_SERVICE_PORT of Kubernetes."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.75)
    fault = Fault(f"environment variable {variable}", f"no such option{closest(key, list(known))}")
    tables = [name for name, annotation in known.items() if shape.pick(annotation, None)]
    section = next((name for name in tables if key.startswith(f"{name}_")), None)
    if section and not is_sure:
        rest = key.removeprefix(f"{section}_")
        hint = f"{PREFIX}{section}__{rest}".upper()
        fault = Fault(fault.where, f"no such option; did you mean {hint} (two underscores)?")
    (source.faults if is_sure or near or section else source.warnings).append(fault)


def _typed(text: str, annotation: Any) -> Any:
    """Lists and tables in a variable are written as TOML; all else pydantic reads from text."""
    if shape.element(annotation) is None and shape.mapped(annotation) is None:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _resolve(source: Source, annotation: Any, raw: Any, path: positions.Path) -> None:
    """Walk values and model side by side; replace file twins and anchor paths."""
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            _resolve(source, shape.element(annotation), item, (*path, index))
    elif isinstance(raw, dict):
        known = _known(annotation, raw)
        for key in list(raw):
            if _is_twin(key, known):
                is_open = shape.is_layout(known.get(key.removesuffix("_file")))
                _read_twin(source, raw, key, (*path, key), is_open=is_open)
            elif shape.is_path(known.get(key)) and isinstance(raw[key], str):
                _anchor(source, raw, key, (*path, key), known)
            else:
                _note_secret(source, known.get(key), raw[key], (*path, key))
                _resolve(source, known.get(key), raw[key], (*path, key))


def _anchor(
    source: Source, table: dict[str, Any], key: str, path: positions.Path, known: dict[str, Any]
) -> None:
    try:
        file = _anchored(source, table[key])
    except ValueError as error:
        source.fault(path, str(error))
        del table[key]
        return
    table[key] = str(file)
    if key.endswith("_file"):
        _note_file(source, path, file, known)


def _note_secret(source: Source, annotation: Any, value: Any, path: positions.Path) -> None:
    """Of addresses only those that hold more than where to go: a user, a key."""
    if path in source.variables or not isinstance(value, str):
        return
    is_key = shape.is_secret(annotation) and ("://" not in value or "@" in value or "?" in value)
    if is_key or _PASSWORD_IN_URL.match(value):
        source.written.append(path)


def _note_file(source: Source, path: positions.Path, file: Path, known: dict[str, Any]) -> None:
    source.files.add(file)
    if path[-1] == "key_file" or _is_secret(str(path[-1]), known):
        _warn_if_open(source, path, file)


def _known(annotation: Any, raw: dict[str, Any]) -> dict[str, Any]:
    model = shape.pick(annotation, raw)
    if model is not None:
        return shape.fields(model)
    each = shape.mapped(annotation)
    return {key.removesuffix("_file"): each for key in raw} if each is not None else {}


def _is_twin(key: str, known: dict[str, Any]) -> bool:
    secret = key.removesuffix("_file")
    return key not in known and secret != key and shape.is_text(known.get(secret))


def _anchored(source: Source, path: str) -> Path:
    if path.startswith(CREDENTIAL):
        return _credential(source, path.removeprefix(CREDENTIAL))
    return source.path.absolute().parent / Path(path).expanduser()


def _credential(source: Source, name: str) -> Path:
    if not _CREDENTIAL_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a credential")
    if source.credentials is None:
        raise ValueError(
            f"the credential {name!r} is only there for a service of systemd that has"
            f" LoadCredential={name}:...; $CREDENTIALS_DIRECTORY is not set"
        )
    return source.credentials / name


def _read_twin(
    source: Source, table: dict[str, Any], key: str, path: positions.Path, *, is_open: bool
) -> None:
    """The environment beats the file, whichever of the two twins it names. `is_open`: it holds no
    secret."""
    name = table.pop(key)
    secret = key.removesuffix("_file")
    secret_path = (*path[:-1], secret)
    if secret_path in source.variables:
        return
    if secret in table and path not in source.variables:
        source.fault(path, f"{secret} is given too; keep one of the two")
        return
    try:
        file = _named_file(source, name)
        table[secret] = _content(file)
        if not is_open:
            _warn_if_open(source, path, file)
    except ValueError as error:
        source.fault(path, str(error))
        return
    source.lines.setdefault(secret_path, positions.nearest(source.lines, path))
    if path in source.variables:
        source.variables[secret_path] = source.variables[path]


def _named_file(source: Source, name: Any) -> Path:
    if not isinstance(name, str):
        raise ValueError(f"must be the path of a file, not {name!r}")
    file = _anchored(source, name)
    source.files.add(file)
    return file


def _content(file: Path) -> str:
    """What it holds without its last line end; ValueError says what to do."""
    try:
        text = file.read_text("utf-8").rstrip("\r\n")
    except FileNotFoundError:
        raise ValueError(f"no such file: {file}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    if not text.strip():
        raise ValueError(f"{file} is empty")
    return text


def _is_secret(key: str, known: dict[str, Any]) -> bool:
    secret = known.get(key.removesuffix("_file"))
    return shape.is_secret(secret) or shape.is_secret(shape.mapped(secret))


def _warn_if_open(source: Source, path: positions.Path, file: Path) -> None:
    with contextlib.suppress(OSError):
        if file.stat().st_mode & stat.S_IROTH:
            source.expose(path, f"every user of this machine can read {file}; chmod o-r {file}")
