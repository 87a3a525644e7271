"""What a path was fitted to, which choosing a point asks again."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastreg import losses
from fastreg.certificate.losses import log_constant, saturated
from fastreg.design import Design, as_design
from fastreg.objectives import Objective
from fastreg.problems.in_memory import standardise
from fastreg.problems.quadratic import QuadraticProblem
from fastreg.selection import likelihoods, scores
from fastreg.selection.choice import Errors
from fastreg.selection.folds import Split, as_splits, neighbours, stratified

if TYPE_CHECKING:
    from fastreg.paths.results import Path

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Source(ABC):
    """What a path was fitted to.

    objective : before the strengths; count : rows; weight : Σ w; max_iter : of a fit
    """

    objective: Objective
    count: int
    weight: float
    max_iter: int

    @abstractmethod
    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        """The path of the same problem at other strengths (K,), descending."""

    @abstractmethod
    def problem(self) -> QuadraticProblem:
        """Its standard form."""

    @abstractmethod
    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        """Errors of folds, relaxed unless gamma is None."""

    @property
    def has_offset(self) -> bool:
        """Whether something is added to every prediction of the fit."""
        return self.objective.offset is not None

    @property
    def least(self) -> float:
        """Σ w min ℓ/Σ w."""
        return 0.0

    @property
    def log_constant(self) -> float:
        """log L + Σ w ℓ."""
        raise self._needs_rows()

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        """(K,) of points of a loss that is no square."""
        raise self._needs_rows()

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        """`relaxed_losses.Refit` of these points."""
        raise self._needs_rows()

    def _needs_rows(self) -> ValueError:
        name = type(self.objective.loss).__name__
        return ValueError(f"{name} needs the rows: fit the path to X and y, not to statistics")

    def covariance(self, columns: Array) -> Array:
        """(p, p): Σ w (x − x̄)(x − x̄)ᵀ/Σ w of some columns."""
        problem = self.problem()
        scale = problem.scale[columns]
        size = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
        return problem.gram(columns, columns) * np.outer(size, size)


@dataclass(frozen=True, eq=False)
class InMemory(Source):
    """Rows: X (m, n), y (m,)."""

    X: Design
    y: Array

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective, max_iter: int) -> InMemory:
        weights = objective.weights
        count = X.shape[0] if weights is None else int(np.count_nonzero(weights))
        weight = float(X.shape[0] if weights is None else weights.sum())
        return cls(dataclasses.replace(objective, strength=None), count, weight, max_iter, X, y)

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        from fastreg.paths.fitting import fitted  # which returns what holds this

        objective = dataclasses.replace(self.objective, strength=strengths)
        return fitted(
            self.X, self.y, objective, tol=tol, max_iter=self.max_iter, ratio=ratio, names=names
        )

    def problem(self) -> QuadraticProblem:
        return standardise(self.X, self.y[:, None], self.objective)

    @functools.cached_property
    def _seen(self) -> tuple[Array, Array]:
        """y and weights of the rows that have one."""
        weights = self.objective.weights
        if weights is None:
            return self.y, np.ones(len(self.y))
        return self.y[weights > 0.0], weights[weights > 0.0]

    @property
    def least(self) -> float:
        y, w = self._seen
        return float(w @ saturated(self.objective.loss, y)) / self.weight

    @property
    def log_constant(self) -> float:
        return float(log_constant(self.objective.loss, *self._seen).sum())

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        return likelihoods.degrees_of_freedom(
            self.X, self.y, self.objective, coefs, intercepts, strengths
        )

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        from fastreg.selection import relaxed_losses  # not part of a first fit

        return relaxed_losses.relax(
            self.X, self.y, self.objective, coefs, intercepts, gamma, self.max_iter, names
        )

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        from fastreg.selection.cross_validation import Validation  # not part of a first fit

        objective = self.objective
        splits = as_splits(_splits(cv, self.y, objective.loss), len(self.y))
        validation = Validation(
            self.X, self.y, objective.weights, splits, objective.fit_intercept,
            of_squares=losses.traits(objective.loss).quadratic,
        )  # fmt: skip

        def make(weights: Array | None, own: Array | None) -> Objective:
            return dataclasses.replace(objective, weights=weights, strength=own)

        if score == "deviance":
            return validation.errors(make, strengths, tol, self.max_iter, gamma=gamma)
        judge = scores.Judge(score, self.X, self.y, objective, validation.split)
        found = validation.errors(make, strengths, tol, self.max_iter, gamma=gamma, seen=judge)
        return judge.instead(found, len(splits))

    def __getstate__(self) -> dict[str, Any]:
        """X as it was given: what kernels read shares its memory, which a copy would not."""
        return self.__dict__ | {"X": self.X.matrix}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"X": as_design(state["X"])})


@dataclass(frozen=True, eq=False)
class Kept(Source):
    """What a path that was saved still knows of its rows, which are not in the file."""

    smallest: float  # Σ w min ℓ/Σ w
    constant: float | None

    @property
    def least(self) -> float:
        return self.smallest

    @property
    def log_constant(self) -> float:
        if self.constant is None:
            raise self._needs_rows()
        return self.constant

    def _needs_rows(self) -> ValueError:
        return ValueError(
            "a path that was saved holds no rows: give X and y where the method takes them, choose or "
            "relax before saving, or fit the path again"
        )

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        raise self._needs_rows()

    def problem(self) -> QuadraticProblem:
        raise self._needs_rows()

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        raise self._needs_rows()


def _splits(cv: Any, y: Array, loss: Any) -> Iterable[Split]:
    """Those of a number of folds, of a splitter, or as they are."""
    known = isinstance(cv, int | np.integer | Iterable) or hasattr(cv, "split")
    if isinstance(cv, str) or not known:
        raise ValueError(f"cv must be a number of folds, splits or a splitter, got {cv!r}")
    if not hasattr(cv, "split"):
        of_classes = losses.domain(loss) == (0.0, 1.0) and set(np.unique(y)) <= {0.0, 1.0}
        return stratified(cv, y) if of_classes else neighbours(cv, len(y))
    rows: Iterable[Split] = cv.split(np.zeros((len(y), 1)), y)
    return rows
