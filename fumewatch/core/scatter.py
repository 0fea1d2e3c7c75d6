"""Values into cells of flat columns, of which some may be named more than once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def add(into: NDArray[Any], at: NDArray[np.int64], value: NDArray[Any], is_alone: bool) -> None:
    """`np.add.at`, which takes long, only where a cell may come twice or has something already."""
    if is_alone:
        into.reshape(-1)[at] = value
    else:
        np.add.at(into.reshape(-1), at, value)


def highest(into: NDArray[Any], at: NDArray[np.int64], value: NDArray[Any], is_alone: bool) -> None:
    if is_alone:
        into.reshape(-1)[at] = value
    else:
        np.maximum.at(into.reshape(-1), at, value)
