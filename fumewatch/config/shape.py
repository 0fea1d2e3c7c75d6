"""What a pydantic model accepts, read off its annotations: for suggestions, twins and overrides."""

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from fumewatch.core.letter.template import Layout


def fields(model: type[BaseModel]) -> dict[str, Any]:
    """The keys a table of this model may have, with the annotation of each."""
    return {
        field.alias or name: field.annotation
        for name, field in model.model_fields.items()
        if field.alias is not None or not field.exclude
    }


def pick(annotation: Any, raw: Any) -> type[BaseModel] | None:
    """The model that `raw` is meant to be; of a union, the one whose `kind` it names."""
    models = [part for part in parts(annotation) if _is_model(part)]
    if len(models) == 1:
        return models[0]  # type: ignore[no-any-return]
    kind = raw.get("kind") if isinstance(raw, dict) else None
    return next((model for model in models if kind in kinds(model)), None)


def kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def element(annotation: Any) -> Any:
    """The annotation of one element of a list or tuple, or None."""
    for part in parts(annotation):
        if get_origin(part) in (list, tuple):
            return get_args(part)[0]
    return None


def mapped(annotation: Any) -> Any:
    """The annotation of the values of a dict, or None."""
    for part in parts(annotation):
        if get_origin(part) is dict:
            return get_args(part)[1]
    return None


def is_text(annotation: Any) -> bool:
    return any(part in (str, SecretStr, Layout) for part in parts(annotation))


def is_layout(annotation: Any) -> bool:
    """Template text, which everybody may read."""
    return Layout in parts(annotation)


def is_secret(annotation: Any) -> bool:
    return SecretStr in parts(annotation)


def is_path(annotation: Any) -> bool:
    return Path in parts(annotation)


def choices(annotation: Any) -> list[str]:
    return [str(c) for p in parts(annotation) if get_origin(p) is Literal for c in get_args(p)]


def parts(annotation: Any) -> list[Any]:
    """The members of a union, however deeply annotated; any other annotation stands alone."""
    if get_origin(annotation) is Annotated:
        return parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [inner for part in get_args(annotation) for inner in parts(part)]
    return [annotation]


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)
