"""The standard form every solver works on, whatever its numbers are read from.

Given X, y, weights w of sum M and the penalties of the user, it is

    ½ Σ_i (w_i/M)(y'_i − x'_iᵀβ)² + ½ Σ_j l2_j β_j² + p(β)

    y' = (y − ȳ)/unit,   x'_ij = (x_ij − shift_j)·scale_j,   θ_j = β_j·scale_j·unit

with the weighted means as shift (none without an intercept), `scale` and `unit` powers of
two that bring the entries near 1: they round nothing, so the answer follows any change of
units, and thresholds inside solvers need no units. A column that the shift makes zero has
scale 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import penalties
from fastreg.certificate import Columns
from fastreg.objectives import Objective

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)
GROUP = 8  # points in a read of X: what a register holds


@dataclass(kw_only=True)
class QuadraticProblem(ABC):
    """A standardised problem with k points; see the module for the formulas."""

    total: float  # sum of the weights
    shift: Array | None  # (n,)
    scale: Array  # (n,) powers of two, 0 for constant columns
    size: Array  # (n,) powers of two next to the size of each column, constant or not
    constant: Array  # (n,) bool: columns that the shift makes zero, or that are zero
    unit: Array  # (k,) powers of two
    mean: Array  # (k,) of y, in its own unit
    objective: Objective
    far: bool = False  # whether the offset of a sparse column dwarfs its spread
    n_targets: int = 1
    lengths: Array | None = None  # (n,): √(Σ w x'²/M), None where their digits are in doubt
    _bases: dict[int, tuple[Array, Any]] = field(repr=False, default_factory=dict)

    @abstractmethod
    def gram(self, left: Array, right: Array) -> Array:
        """X'_leftᵀ W X'_right/M."""

    @abstractmethod
    def at_zero(self, t: int) -> tuple[Array, float]:
        """c = X'ᵀ(w∘y')/M and Σ w y'²/M of point t."""

    @abstractmethod
    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        """c = X'ᵀ(w∘r)/M and ρ² = Σ w r²/M at β."""

    @abstractmethod
    def correlations(self, columns: Array, betas: Array, t: int) -> tuple[Array, Array]:
        """The same of d points with the y of point t: (n, d), (d,) from β (p, d) on some columns,
        zero elsewhere."""

    @property
    def columns(self) -> Columns:
        """What the certificate is told of X."""
        constant = self.constant if self.objective.fit_intercept else None
        return Columns(self.shift, 1.0 / self.size, constant, self.lengths)

    @property
    def n_features(self) -> int:
        return len(self.scale)

    @property
    def n_points(self) -> int:
        return len(self.unit)

    def strength(self, t: int) -> float:
        """What multiplies ridge and penalty of the objective at point t."""
        return 1.0 if self.objective.strength is None else float(self.objective.strength[t])

    def ridge(self, t: int, columns: Array | slice = slice(None)) -> Array:
        """l2 of point t on some of the columns."""
        return self._base(t)[0][columns] * self.strength(t)

    def penalty(self, t: int, columns: Array | slice = slice(None)) -> Any:
        """The penalty of point t on some of the columns."""
        whole = self._base(t)[1]
        some = type(whole)(*(np.ascontiguousarray(each[columns]) for each in whole))
        return some if self.objective.strength is None else penalties.times(some, self.strength(t))

    def base_penalty(self, t: int) -> Any:
        """The penalty of point t before its strength."""
        return self._base(t)[1]

    def base_ridge(self, t: int) -> Array:
        """l2 of point t before its strength."""
        return self._base(t)[0]

    def _base(self, t: int) -> tuple[Array, Any]:
        """(l2, penalty) of all columns, without the strength: the same along a path."""
        key = t if self.n_targets > 1 or self.objective.l2.shape[1] > 1 else 0
        if key not in self._bases:
            l2 = np.broadcast_to(column(self.objective.l2, t), self.scale.shape)
            ridge = np.ldexp(l2, 2 * np.frexp(self.scale)[1] - 2)
            penalty = penalties.rescale(self.objective.penalty, self.scale, self.unit[t])
            self._bases = {key: (ridge, penalty)}  # of one point: many would take memory
        return self._bases[key]

    def null(self, t: int) -> float:
        """½ Σ (w/M) y'²: the objective at β = 0."""
        return 0.5 * self.at_zero(t)[1]

    def unscale(self, beta: Array) -> tuple[Array, Array]:
        """(coef (n, k), intercept (k,)) in the user's units; `beta` becomes `coef`.

        Raises
        ------
        ValueError
            They are no float64 numbers.
        """
        used = np.flatnonzero(beta.any(axis=1))
        exponents = np.frexp(self.scale[used])[1][:, None] + np.frexp(self.unit)[1] - 2
        with np.errstate(over="ignore", invalid="ignore"):
            coef = np.ldexp(beta[used], exponents)
            intercept = self.mean - (0.0 if self.shift is None else self.shift[used] @ coef)
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise ValueError(
                "the coefficients that fit X and y are too large for float64: "
                "bring X and y to units nearer 1"
            )
        beta[used] = coef
        return beta, np.broadcast_to(intercept, self.unit.shape).copy()

    def scaled(self, coef: Array) -> Array:
        """β of given coefficients (n, k), to start from; 0 for constant columns."""
        exponents = np.frexp(self.scale)[1][:, None] + np.frexp(self.unit)[1] - 2
        return np.where(self.constant[:, None], 0.0, np.ldexp(coef, -exponents))


def fields_of(problem: Any, kind: type) -> dict[str, Any]:
    """What a problem of `kind` is made of, as another one has it."""
    return {name: getattr(problem, name) for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]


def column(array: Array, t: int) -> Array:
    """Column t, or the only one there is."""
    return array[:, t if array.shape[1] > 1 else 0]


def power_of_two(size: Any) -> Any:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])


def check_range(name: str, size: Array) -> None:
    """Entries so large or so small that a sum or a quotient of them leaves float64."""
    largest, least = size.max(), size[size > 0].min(initial=1.0)
    if largest > 1e300 or least < 1e-300:
        value = largest if largest > 1e300 else least
        raise ValueError(
            f"{name} has values near {value:.0e}, at the end of the range of float64: "
            "change its unit"
        )
