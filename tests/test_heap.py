"""The heap: what large columns took is given back at once."""

import subprocess
import sys

# Blocks of 8 MB, each freed beside a small one that stays.
_PROGRAM = """
from pathlib import Path
import numpy as np
from fumewatch import heap

def mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024

assert heap.bound()
before, kept = mib(), []
for _ in range(4):
    large = [np.ones(1 << 20) for _ in range(20)]
    kept += [bytearray(1000) for _ in large]
    assert mib() - before > 100
    del large
print(mib() - before)
"""


def test_what_large_columns_took_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert done.stderr == ""
    assert int(done.stdout) < 20
