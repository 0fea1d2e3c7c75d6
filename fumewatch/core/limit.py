"""Limit profiles: which standard's limits apply at an outlet."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator


class LimitProfile(BaseModel):
    """One [[limit]] of the configuration, in mg/m³. None: the standard sets no limit there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    fume: PositiveFloat | None = None
    pm: PositiveFloat | None = None
    nmhc: PositiveFloat | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> "LimitProfile":
        if self.fume is None and self.pm is None and self.nmhc is None:
            raise ValueError("limits nothing; give at least one of fume, pm, nmhc in mg/m³")
        return self

    def of(self, channel: str) -> float | None:
        """The limit of a channel by its name, in mg/m³, or None where there is none."""
        return {"fume": self.fume, "pm": self.pm, "nmhc": self.nmhc}.get(channel)
