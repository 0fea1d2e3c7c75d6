"""Robust statistics of many short series at once: values [d, n], a column each, NaN is missing.

Pure numpy; held against scipy and pymannkendall by the tests.
"""

from fumewatch.core.stats.kendall import Kendall, kendall
from fumewatch.core.stats.line import Line, off, theil_sen
from fumewatch.core.stats.order import count_known, median
from fumewatch.core.stats.persistence import inflation, persistence
from fumewatch.core.stats.step import Shape, Step, find_step
from fumewatch.core.stats.trend import Trend, find_trend

__all__ = [
    "Kendall",
    "Line",
    "Shape",
    "Step",
    "Trend",
    "count_known",
    "find_step",
    "find_trend",
    "inflation",
    "kendall",
    "median",
    "off",
    "persistence",
    "theil_sen",
]
