"""What an import did to one kind of thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    new: int
    changed: int
    unchanged: int

    @property
    def is_same(self) -> bool:
        return not (self.new or self.changed)
