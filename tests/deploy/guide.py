"""What install.md and its like tell people to type."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of shell. `heading`: the one above it."""

    heading: str
    script: str

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line that begins with fumewatch."""
        joined = re.sub(r"\\\n\s*", " ", self.script)
        return [
            shlex.split(line) for line in joined.splitlines() if re.match(r"fumewatch( |$)", line)
        ]


def blocks(name: str) -> list[Block]:
    """All of a file, in order. A line that begins with # is a heading outside of blocks only."""
    heading, script = "", None
    found = []
    for line in (DEPLOY / name).read_text("utf-8").splitlines(keepends=True):
        if script is None and line.startswith("```"):
            script = ""
            is_shell = line.strip() == "```sh"
        elif script is not None and line.startswith("```"):
            if is_shell:
                found.append(Block(heading, script))
            script = None
        elif script is not None:
            script += line
        elif line.startswith(("# ", "## ")):
            heading = line.strip("# \n")
    return found
