"""What every model is: a few positive parameters with names, frozen, and formulas around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from crmkit.errors import ModelError

Array = np.ndarray


class Model:
    """Positive parameters, in the order of `names`; `log_params` are their logarithms."""

    name: ClassVar[str]
    title: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        if not all(np.isfinite(value) and value > 0 for value in self.params.values()):
            given = ", ".join(f"{name}={value}" for name, value in self.params.items())
            raise ModelError(f"The parameters of {self.title} must be positive numbers; these are {given}.")

    @property
    def params(self) -> dict[str, float]:
        return {name: float(getattr(self, name)) for name in self.names}

    @property
    def log_params(self) -> Array:
        return np.log(list(self.params.values()))

    def at(self, log_params: Array) -> Self:
        """The same kind of model with the parameters e^log_params."""
        values = np.exp(np.clip(log_params, -690.0, 690.0)).tolist()
        return replace(self, **dict(zip(self.names, values, strict=True)))  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, enough for `model_from_dict`."""
        return {"model": self.name, "params": self.params}

    def limit_notes(self) -> list[str]:
        """In words, which parameters have run to the edge of their space, and what that means."""
        return []
