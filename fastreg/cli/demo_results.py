"""Hold the measurements of `fastreg demo`, which its figure shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Time:
    """Hold the time of a library for a task, in seconds."""

    task: str
    library: str
    seconds: float


@dataclass(frozen=True)
class Curve:
    """Hold a descent: (J(θ_k) − J*)/J₀ for k = 0, 1, …, and certified bounds at steps `looks`."""

    label: str
    excess: Array
    looks: Array
    bounds: Array


@dataclass
class Results:
    """Hold all that the figure shows."""

    size: str = ""
    times: list[Time] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    coefficients: list[tuple[str, Array, Array]] = field(default_factory=list)
