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
    text = (DEPLOY / name).read_text("utf-8")
    found = []
    for section in re.split(r"^(?=#{1,2} )", text, flags=re.MULTILINE):
        heading = section.splitlines()[0].lstrip("# ") if section.strip() else ""
        scripts = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
        found += [Block(heading, script) for script in scripts]
    return found
