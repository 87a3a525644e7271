"""Hold the data of a path, which `select` and `relax` read again."""

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
from fastreg.design import Design, as_design, as_target
from fastreg.objectives import Objective, check_target
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
    """Hold the data of a path.

    objective : objective without strengths
    count : number of rows with a weight above 0
    weight : sum of the weights
    max_iter : largest number of steps of a fit
    """

    objective: Objective
    count: int
    weight: float
    max_iter: int

    @abstractmethod
    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        """Fit the path of the same problem at other strengths (K,), in descending order."""

    @abstractmethod
    def problem(self) -> QuadraticProblem:
        """Return the problem in standard form."""

    @abstractmethod
    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        """Compute the errors of the folds, by relaxed fits unless gamma is None."""

    def checked_target(self, y: Any, m: int, weights: Array | None) -> Array:
        """Check a target that is given again.

        Raises
        ------
        ValueError
            It has another shape than (m,), or values that the loss does not take.
        """
        target = as_target(y, m)
        if target.ndim != 1:
            raise ValueError(f"y must have shape ({m},), got {target.shape}")
        check_target(dataclasses.replace(self.objective, weights=weights), target)
        return target

    def with_rows(self, X: Design, y: Array, objective: Objective) -> InMemory:
        """Return other rows, of the same options."""
        return InMemory.of(X, y, objective, self.max_iter)

    @property
    def has_offset(self) -> bool:
        """Whether the fit had an offset."""
        return self.objective.offset is not None

    @property
    def has_weights(self) -> bool:
        """Whether the rows had weights: those of moments show by their sum."""
        return self.objective.weights is not None or self.weight != self.count

    @property
    def least(self) -> float:
        """Σ w min ℓ/Σ w."""
        return 0.0

    def log_constant(self, scale: float) -> float:
        """Compute log L + Σ w ℓ/φ at a scale φ."""
        raise self._needs_rows()

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        """Compute the degrees of freedom (K,) for a loss other than squared error."""
        raise self._needs_rows()

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        """Relax these points. Return a `relaxed_losses.Refit`."""
        raise self._needs_rows()

    def _needs_rows(self) -> ValueError:
        name = type(self.objective.loss).__name__
        return ValueError(
            f"this needs the rows for {name}: fit the path to X and y, not to statistics"
        )

    def covariance(self, columns: Array) -> Array:
        """Compute Σ w (x − x̄)(x − x̄)ᵀ/Σ w of p columns, (p, p)."""
        problem = self.problem()
        scale = problem.scale[columns]
        size = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
        return problem.gram(columns, columns) * np.outer(size, size)


@dataclass(frozen=True, eq=False)
class InMemory(Source):
    """Hold rows in memory: X (m, n) and y (m,)."""

    X: Design
    y: Array

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective, max_iter: int) -> InMemory:
        weights = objective.weights
        count = X.shape[0] if weights is None else int(np.count_nonzero(weights))
        weight = float(X.shape[0] if weights is None else weights.sum())
        return cls(dataclasses.replace(objective, strength=None), count, weight, max_iter, X, y)

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        return self._at(strengths, tol, ratio, names)

    def _at(
        self, strengths: Array, tol: float, ratio: float, names: Any, classes: Array | None = None
    ) -> Path:
        from fastreg.paths.fitting import fitted  # `fitting` imports this module

        objective = dataclasses.replace(self.objective, strength=strengths)
        return fitted(
            self.X, self.y, objective, tol=tol, max_iter=self.max_iter, ratio=ratio, names=names,
            classes=classes,
        )  # fmt: skip

    def problem(self) -> QuadraticProblem:
        return standardise(self.X, self.y[:, None], self.objective)

    @functools.cached_property
    def _seen(self) -> tuple[Array, Array]:
        """y and weights of the rows with a weight above 0."""
        weights = self.objective.weights
        if weights is None:
            return self.y, np.ones(len(self.y))
        return self.y[weights > 0.0], weights[weights > 0.0]

    @property
    def least(self) -> float:
        y, w = self._seen
        return float(w @ saturated(self.objective.loss, y)) / self.weight

    def log_constant(self, scale: float) -> float:
        return float(log_constant(self.objective.loss, *self._seen, scale).sum())

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        return likelihoods.degrees_of_freedom(
            self.X, self.y, self.objective, coefs, intercepts, strengths
        )

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        from fastreg.selection import relaxed_losses  # not part of a first fit

        return relaxed_losses.relax(
            self.X, self.y, self.objective, coefs, intercepts, gamma, self.max_iter, names
        )

    def _splits(self, cv: Any) -> Iterable[Split]:
        of_classes = losses.domain(self.objective.loss) == (0.0, 1.0)
        return splits_of(cv, self.y, of_classes and set(np.unique(self.y)) <= {0.0, 1.0})

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        from fastreg.selection.cross_validation import Validation  # not part of a first fit

        objective = self.objective
        splits = as_splits(self._splits(cv), len(self.y))
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
        """Return the state with X as the caller gave it: its kernel view shares that memory."""
        return self.__dict__ | {"X": self.X.matrix}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"X": as_design(state["X"])})


@dataclass(frozen=True, eq=False)
class Kept(Source):
    """Hold what a saved path knows of its rows. The file has no rows."""

    smallest: float  # Σ w min ℓ/Σ w
    constant: float | None
    weighted: bool
    shifted: bool  # by an offset

    @property
    def has_weights(self) -> bool:
        return self.weighted

    @property
    def has_offset(self) -> bool:
        return self.shifted

    @property
    def least(self) -> float:
        return self.smallest

    def log_constant(self, scale: float) -> float:
        if self.constant is None or scale != 1.0:
            raise self._needs_rows()
        return self.constant

    def _needs_rows(self) -> ValueError:
        return ValueError(
            "this needs the rows, and a path loaded from a file has none: give X and y to a method "
            "that takes them, select or relax before saving, or fit the path again"
        )

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        raise self._needs_rows()

    def problem(self) -> QuadraticProblem:
        raise self._needs_rows()

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        raise self._needs_rows()


def splits_of(cv: Any, y: Array, of_classes: bool) -> Iterable[Split]:
    """Return the splits of a number of folds, of a splitter or of an iterable."""
    known = isinstance(cv, int | np.integer | Iterable) or hasattr(cv, "split")
    if isinstance(cv, str) or not known:
        raise ValueError(f"cv must be a number of folds, splits or a splitter, got {cv!r}")
    if not hasattr(cv, "split"):
        return stratified(cv, y) if of_classes else neighbours(cv, len(y))
    rows: Iterable[Split] = cv.split(np.zeros((len(y), 1)), y)
    return rows
