"""The standard form every solver works on.

Given X, y, weights w of sum M and the penalties of the user, a `Problem` is

    ½ Σ_i (w_i/M)(y'_i − x'_iᵀβ)² + ½ Σ_j l2_j β_j² + p(β)

    y' = (y − ȳ)/unit,   x'_ij = (x_ij − shift_j)·scale_j,   θ_j = β_j·scale_j·unit

with the weighted means as shift (none without an intercept), `scale` and `unit` powers of
two that bring the entries near 1: they round nothing, so the answer follows any change of
units, and thresholds inside solvers need no units. A column that the shift makes zero has
scale 0. X itself is neither copied nor changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import kernels, penalties
from fastreg.certificate import Terms
from fastreg.design import Design, full_columns, nonfinite_message
from fastreg.kernels.rows import Workspace

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_FAR = 1e3  # offset over spread from which rank-one corrections lose six digits of a Gram


@dataclass
class Problem:
    """A standardised problem with k targets; see the module for the formulas."""

    X: Design
    target: Array  # (m, k), as the user gave it
    Y: Array  # (m, k), centred and scaled
    weights: Array | None  # (m,), scaled to a largest entry between 1/2 and 1
    total: float  # sum of the weights
    shift: Array | None  # (n,)
    scale: Array  # (n,) powers of two, 0 for constant columns
    size: Array  # (n,) powers of two next to the size of each column, constant or not
    constant: Array  # (n,) bool: columns that the shift makes zero, or that are zero
    far: bool  # whether the offset of a sparse column dwarfs its spread
    unit: Array  # (k,) powers of two
    mean: Array  # (k,) of y, in its own unit
    l2: Array  # (n, k)
    terms: Terms
    passes: int = 0
    workspace: Workspace = field(repr=False, default=None)  # type: ignore[assignment]

    @property
    def n_targets(self) -> int:
        return self.Y.shape[1]

    def null(self, t: int) -> float:
        """½ Σ (w/M) y'²: the objective at β = 0."""
        y = self.Y[:, t]
        return 0.5 * float(y @ y if self.weights is None else self.weights @ (y * y)) / self.total

    def penalty(self, t: int, columns: Array | slice = slice(None)) -> Any:
        """The penalty of target t on some of the columns."""
        whole = penalties.rescale(self.terms.penalty, self.scale, self.unit[t])
        return type(whole)(*(np.ascontiguousarray(each[columns]) for each in whole))

    def correlation(self, beta: Array, t: int) -> tuple[Array, float]:
        """c = X'ᵀ(w∘r)/M and ρ² = Σ w r²/M at β: one fused pass over X."""
        self.passes += 1
        out = np.empty(len(beta))
        value, _ = kernels.gradient(
            self.X.storage,
            self.Y[:, t],
            beta * self.scale,
            out=out,
            **self._common(),
        )
        out *= -self.scale
        return out, 2.0 * value

    def operator(self, beta: Array) -> Array:
        """X'ᵀ W X' β/M: one fused pass over X, with a zero target."""
        self.passes += 1
        out = np.empty(len(beta))
        kernels.gradient(
            self.X.storage,
            np.zeros(self.X.shape[0]),
            beta * self.scale,
            out=out,
            **self._common(),
        )
        out *= self.scale
        return out

    def residual(self, beta: Array, t: int) -> Array:
        """y' − X'β: one pass over X."""
        self.passes += 1
        out = np.empty(self.X.shape[0])
        theta = beta * self.scale
        kernels.predict(self.X.storage, theta, shift=self.shift, out=out, workspace=self.workspace)
        return self.Y[:, t] - out

    def project(self, v: Array) -> Array:
        """X'ᵀv: one pass over X."""
        self.passes += 1
        out = np.empty(self.X.shape[1])
        kernels.project(self.X.storage, v, shift=self.shift, out=out, workspace=self.workspace)
        out *= self.scale
        return out

    def _common(self) -> dict[str, Any]:
        return {
            "shift": self.shift,
            "weights": self.weights,
            "scale": 1.0 / self.total,
            "workspace": self.workspace,
        }

    def gram(self, left: Array, right: Array) -> Array:
        """X'_leftᵀ W X'_right/M: one pass over X."""
        self.passes += 1
        out = kernels.cross_gram(
            self.X.storage,
            left,
            right,
            shift=self.shift,
            scale=self.scale,
            weights=self.weights,
            by_blocks=self.far,
        )
        out /= self.total
        return out

    def _exponents(self) -> Array:
        """(n, k): θ = β·2^e. Added, as scale·unit alone may overflow."""
        return np.frexp(self.scale)[1][:, None] + np.frexp(self.unit)[1] - 2

    def unscale(self, beta: Array) -> tuple[Array, Array]:
        """(coef (n, k), intercept (k,)) in the user's units.

        Raises
        ------
        ValueError
            They are no float64 numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            coef = np.ldexp(beta, self._exponents())
            intercept = self.mean - (0.0 if self.shift is None else self.shift @ coef)
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise ValueError(
                "the coefficients that fit X and y are too large for float64: "
                "bring X and y to units nearer 1"
            )
        return coef, np.broadcast_to(intercept, self.unit.shape).copy()

    def scaled(self, coef: Array) -> Array:
        """β of given coefficients (n, k), to start from; 0 for constant columns."""
        return np.where(self.constant[:, None], 0.0, np.ldexp(coef, -self._exponents()))


def standardise(X: Design, Y: Array, terms: Terms) -> Problem:
    """Build the problem: one pass for the ranges of the columns, one for their means.

    Raises
    ------
    ValueError
        X contains NaN or infinity.
    """
    target = Y
    weights = terms.weights
    if weights is not None:
        weights = weights / _power_of_two(weights.max())
    low, high, finite = kernels.column_range(X.storage, weights=weights)
    if not finite:
        raise ValueError(nonfinite_message(X))
    full = np.ones(X.shape[1], bool)
    if X.is_sparse:  # what is not stored is zero
        full = full_columns(X)
        low = np.where(full, low, np.minimum(low, 0.0))
        high = np.where(full, high, np.maximum(high, 0.0))
    total = float(X.shape[0] if weights is None else weights.sum())
    workspace = Workspace(X.storage)
    entry = np.maximum(np.abs(low), np.abs(high))
    shift, passes, reach = None, 1, entry
    if terms.fit_intercept:
        shift = _column_means(X, low, high, weights, total, workspace)
        passes, reach = 2, high / 2 - low / 2
    _check_range("X", entry)
    _check_range("y", np.abs(Y).max(axis=0))
    mean, unit, Y = _standard_target(Y, weights, total, terms.fit_intercept)
    constant = reach == 0
    l2 = np.broadcast_to(terms.l2, (X.shape[1], Y.shape[1]))
    # A column's size is that of its entries, or of the root of its ridge term if larger.
    size = np.where(constant, 1.0, np.maximum(reach, np.sqrt(l2.max(axis=1))))
    exponent = np.frexp(size)[1]
    return Problem(
        X=X,
        target=target,
        Y=Y,
        weights=weights,
        total=total,
        shift=shift,
        scale=np.where(constant, 0.0, np.ldexp(1.0, -exponent)),
        size=np.where(constant, _power_of_two(entry), np.ldexp(1.0, exponent)),
        constant=constant,
        far=X.is_sparse and shift is not None and bool(np.any(np.abs(shift) > _FAR * reach)),
        unit=unit,
        mean=mean,
        l2=np.ldexp(l2, -2 * exponent[:, None]),
        terms=terms,
        passes=passes,
        workspace=workspace,
    )


def _standard_target(
    Y: Array, weights: Array | None, total: float, centred: bool
) -> tuple[Array, Array, Array]:
    """(mean, unit, (Y − mean)/unit in columns): zero where nothing but rounding is left."""
    unit = _power_of_two(np.abs(Y).max(axis=0))
    Y = Y / unit
    if not centred:
        return np.zeros(Y.shape[1]), unit, np.asfortranarray(Y)
    centre = Y.mean(axis=0) if weights is None else weights @ Y / total
    Y = Y - centre
    Y[:, np.abs(Y).max(axis=0) <= 4 * _EPS * np.abs(centre)] = 0.0
    spread = _power_of_two(np.abs(Y).max(axis=0))
    return centre * unit, unit * spread, np.asfortranarray(Y / spread)


def _check_range(name: str, size: Array) -> None:
    """Entries so large or so small that a sum or a quotient of them leaves float64."""
    largest, least = size.max(), size[size > 0].min(initial=1.0)
    if largest > 1e300 or least < 1e-300:
        value = largest if largest > 1e300 else least
        raise ValueError(
            f"{name} has values near {value:.0e}, at the end of the range of float64: "
            "change its unit"
        )


def _power_of_two(size: Any) -> Any:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])


def _column_means(
    X: Design, low: Array, high: Array, weights: Array | None, total: float, workspace: Workspace
) -> Array:
    """Weighted means, summed as differences from mid-range: X + 1e8 loses nothing."""
    middle = None if X.is_sparse else low / 2 + high / 2
    row_weights = np.ones(X.shape[0]) if weights is None else weights
    sums = np.empty(X.shape[1])
    kernels.project(X.storage, row_weights, shift=middle, out=sums, workspace=workspace)
    means = sums / total if middle is None else middle + sums / total
    return np.where(low == high, low, means)  # a constant column is to become exactly zero
