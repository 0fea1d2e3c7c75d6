"""Where config.example.toml is: inside the installed package, or beside it in a source tree."""

from importlib.resources import files
from pathlib import Path
from typing import Final

_NAME: Final = "config.example.toml"


def path() -> Path:
    packaged = Path(str(files("fumewatch"))) / _NAME
    return packaged if packaged.is_file() else Path(__file__).parents[2] / _NAME
