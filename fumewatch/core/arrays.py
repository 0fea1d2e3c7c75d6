"""Short names for the arrays that the core passes around."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]
"""Values in a channel's unit; NaN where there is none."""
