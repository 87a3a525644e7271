"""What a solver gives back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fastreg.certificate import Certificate

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """coef (n, k), intercept (k,) and strength (k,) of the points, their certificate, the
    iterations, and whether these ran out. Of K outputs coef is (n, K, k), intercept (K, k)."""

    coef: Array
    intercept: Array
    strength: Array
    certificate: Certificate
    n_iter: int
    exhausted: bool

    def part(self, some: slice) -> Solution:
        """Some of the points."""
        return dataclasses.replace(
            self, coef=self.coef[..., some], intercept=self.intercept[..., some],
            strength=self.strength[some], certificate=self.certificate.part(some),
        )  # fmt: skip
