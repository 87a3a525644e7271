"""What is minimised: a loss of predictions, a penalty and a ridge term of coefficients.

    P(β, b) = (1/M) Σ_i w_i ℓ(z_i; y_i) + s·(½ Σ_j l2_j β_j² + p(β)),   z_i = o_i + b + x_iᵀβ

with weights w of sum M, offsets o and a strength s. Everything that fits, certifies or chooses
takes an `Objective`; what differs from one loss or penalty to another stands in `fastreg.losses`
and `fastreg.penalties`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastreg import losses, penalties
from fastreg.losses import Squared

Array = np.ndarray
_SQUARED = Squared()
FAMILIES = {
    "gaussian": _SQUARED,
    "binomial": losses.Logistic(),
    "poisson": losses.Poisson(),
    "gamma": losses.Gamma(),
    "inverse_gaussian": losses.Tweedie(3.0),
    "squared_hinge": losses.SquaredHinge(),
}
_WITH_A_NUMBER = {"tweedie": "Tweedie(power)", "negative_binomial": "NegativeBinomial(theta)"}


@dataclass(frozen=True, eq=False)
class Objective:
    """What is minimised at each of k points, targets or strengths of a path, in the user's units.

    Attributes
    ----------
    l2 : 2-D array that broadcasts to (n, k): ridge strength of each feature and point
    penalty : tuple of `fastreg.penalties`, shared by all points
    weights : (m,) or None for ones
    fit_intercept : whether a free, unpenalised intercept is part of the model
    strength : (k,) ≥ 0, what multiplies l2 and penalty at each point; None for ones
    loss : tuple of `fastreg.losses`
    offset : (m,), or (m, K) of K outputs, what is added to every prediction; None for zeros
    """

    l2: Array
    penalty: Any
    weights: Array | None = None
    fit_intercept: bool = True
    strength: Array | None = None
    loss: Any = _SQUARED
    offset: Array | None = None

    def at(self, t: int) -> tuple[Array, Any]:
        """(l2, penalty) of point t, l2 of shape (n,) or (1,)."""
        l2 = self.l2[:, t if self.l2.shape[1] > 1 else 0]
        if self.strength is None:
            return l2, self.penalty
        return l2 * self.strength[t], penalties.times(self.penalty, self.strength[t])

    def of_points(self, some: Array) -> Objective:
        """Of some of the points, (p,) int."""
        l2 = self.l2[:, some] if self.l2.shape[1] > 1 else self.l2
        strength = None if self.strength is None else self.strength[some]
        return replace(self, l2=l2, strength=strength)

    def counted(self) -> Objective:
        """With an offset of zero in rows of weight zero, whatever stands there."""
        if self.offset is None or self.weights is None or self.weights.all():
            return self
        seen = self.weights > 0.0
        seen = seen if self.offset.ndim == 1 else seen[:, None]
        return replace(self, offset=np.where(seen, self.offset, 0.0))

    def ridges(self) -> Array:
        """The ridge strengths of all points, an array that broadcasts to (n, k)."""
        return self.l2 if self.strength is None else self.l2 * self.strength


def family_of(family: Any) -> Any:
    """The loss of a name, or what is one."""
    if isinstance(family, str):
        if family == "multinomial":
            raise _coupled(family)
        if family in _WITH_A_NUMBER:
            loss = _WITH_A_NUMBER[family]
            raise ValueError(f"family {family!r} needs a number: give fastreg.losses.{loss}")
        if family not in FAMILIES:
            known = ", ".join(FAMILIES)
            raise ValueError(f"family must be one of {known}, or a loss, got {family!r}")
        return FAMILIES[family]
    try:
        losses.traits(family)
    except TypeError as error:
        raise ValueError(f"family must be a loss of fastreg.losses: {error}") from None
    if losses.traits(family).outputs != 1:
        raise _coupled(type(family).__name__)
    has_numbers = type(family) in losses.sound.implementations
    return losses.sound(family) if has_numbers else family


def _coupled(name: str) -> ValueError:
    return ValueError(
        f"family {name!r} has several predictions a row: path takes it for rows in memory, and "
        "LogisticRegression and LogisticRegressionCV for all that they take"
    )


def offset_of(offset: Any, m: int, outputs: int = 1) -> Array | None:
    """(m,), or (m, K) of K predictions a row, checked."""
    if offset is None:
        return None
    shape = (m,) if outputs == 1 else (m, outputs)
    wanted = f"{m} finite numbers"
    if outputs > 1:
        wanted = f"({m}, {outputs}) finite numbers, one for each of {outputs} classes"
    try:
        array = np.asarray(offset, float)
    except (TypeError, ValueError):
        raise ValueError(f"offset must hold {wanted}, got {offset!r}") from None
    if array.shape != shape:
        raise ValueError(f"offset must hold {wanted}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"offset must hold {wanted}, got NaN or infinity")
    return array


def check_target(objective: Objective, y: Array) -> None:
    """ValueError if y is none of the loss, or its intercept alone has no minimum."""
    loss, counts = objective.loss, objective.weights
    if losses.traits(loss).quadratic:
        if objective.offset is not None:
            raise ValueError("offset is for other families: of squares subtract it from y")
        return
    seen = y if counts is None else y[counts > 0]
    check_domain(loss, seen)
    if not objective.fit_intercept:
        return
    if any((seen == end).all() for end in losses.domain(loss)):
        raise ValueError(f"y is {seen[0]:g} everywhere: no intercept is the best")


def check_domain(loss: Any, y: Array) -> None:
    """ValueError if some y is none of the loss."""
    low, high = losses.domain(loss)
    if low == -math.inf and high == math.inf:
        return
    is_open, least, most = losses.traits(loss).is_open, y.min(), y.max()
    if least < low or most > high or (is_open and (least == low or most == high)):
        name, seen = type(loss).__name__, f"{least:g} to {most:g}"
        inside = f"({low:g}, {high:g})" if is_open else f"[{low:g}, {high:g}]"
        raise ValueError(f"y of {name} must lie in {inside}, got {seen}")
