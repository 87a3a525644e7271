"""Paths of several classes: the symmetric multinomial model at many strengths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import softmax

from fastreg.certificate import penalty_value
from fastreg.certificate.coupled import saturated
from fastreg.design import Design, as_target, classes_of, codes_of, counted, of_one_type
from fastreg.losses import Multinomial
from fastreg.objectives import Objective
from fastreg.paths.origins import InMemory, Kept, Source, splits_of
from fastreg.paths.results import Path, column_of
from fastreg.selection.choice import Errors
from fastreg.selection.class_fits import check_training_sets
from fastreg.selection.folds import Split, as_splits

Array = np.ndarray
_SUM = 1e-9  # by which shares of a row may differ from 1


def shares_of(y: Any, m: int, weights: Array | None, family: Any) -> tuple[Array, Array]:
    """Shares (m, K) and classes (K,), of labels (m,) or of shares.

    Raises
    ------
    ValueError
        y is neither, a column of shares has no weight, or there are other classes than the loss is
        of.
    """
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] > 1:
        shares, classes = as_target(given, m), np.arange(given.shape[1])
        shares = np.stack([counted(each, weights) for each in shares.T], axis=1)
        seen = np.ones(m, bool) if weights is None else weights > 0.0
        if (shares < 0.0).any() or (np.abs(shares.sum(axis=1) - 1.0) > _SUM)[seen].any():
            raise ValueError(
                "y of several columns must hold shares of the classes, of sum 1 in each row: "
                "divide counts by their sums, and give the sums as sample_weight"
            )
    else:
        labels = given.reshape(-1) if given.ndim == 2 else given
        if labels.shape != (m,):
            raise ValueError(f"y must hold {m} labels, one for each row of X, got {given.shape}")
        labels = of_one_type(labels)
        if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
            raise ValueError("y must hold labels or shares of classes, got numbers with fractions")
        classes = classes_of(labels, weights)
        codes = codes_of(labels, classes)
        shares = np.eye(len(classes))[codes]
    if isinstance(family, Multinomial) and family.classes != len(classes):
        raise ValueError(f"y must have {family.classes} classes for {family}, got {len(classes)}")
    if len(classes) < 2:
        raise ValueError(f"y must have two classes or more, got {classes.tolist()}")
    mass = shares.sum(axis=0) if weights is None else weights @ shares
    if not mass.all():
        empty = classes.tolist()[int(np.argmin(mass))]
        raise ValueError(f"class {empty!r} of y has no row with a weight: leave its column out")
    return shares, classes


@dataclass(frozen=True, eq=False)
class OfClasses(Source):
    """What a path of classes knows of its data: how a target that is given again is read."""

    classes: Array = field(kw_only=True)

    def checked_target(self, y: Any, m: int, weights: Array | None) -> Array:
        shares, classes = shares_of(y, m, weights, self.objective.loss)
        if not np.array_equal(classes, self.classes):
            raise ValueError(
                f"y must be of the classes {self.classes.tolist()}, got {classes.tolist()}"
            )
        return shares

    def with_rows(self, X: Design, y: Array, objective: Objective) -> ClassRows:
        return ClassRows.of_classes(X, y, objective, self.max_iter, self.classes)


@dataclass(frozen=True, eq=False)
class KeptClasses(OfClasses, Kept):
    """Hold what a saved path knows of its rows. The file has no rows."""


@dataclass(frozen=True, eq=False)
class ClassRows(OfClasses, InMemory):
    """Hold rows in memory: X (m, n) and shares y (m, K)."""

    @classmethod
    def of_classes(
        cls, X: Design, y: Array, objective: Objective, max_iter: int, classes: Array
    ) -> ClassRows:
        return cls(**vars(InMemory.of(X, y, objective, max_iter)), classes=classes)

    def at(self, strengths: Array, tol: float, ratio: float, names: Any) -> Path:
        return self._at(strengths, tol, ratio, names, classes=self.classes)

    @property
    def least(self) -> float:
        y, w = self._seen
        return float(w @ saturated(y)) / self.weight

    def log_constant(self, scale: float) -> float:
        return 0.0

    def refits(self, coefs: Array, intercepts: Array, gamma: float, names: Any) -> Any:
        raise ValueError("relax is for one prediction a row: there are no relaxed fits of classes")

    def degrees_of_freedom(self, coefs: Array, intercepts: Array, strengths: Array) -> Array:
        if self.objective.l2.any():
            raise ValueError(
                "degrees of freedom of several classes are known for l1_ratio=1 alone: choose by "
                "cross-validation"
            )
        count = np.count_nonzero(coefs, axis=(0, 1))
        return count + float(self.objective.fit_intercept) * (coefs.shape[1] - 1)

    def _splits(self, cv: Any) -> Iterable[Split]:
        return splits_of(cv, self.y.argmax(axis=1), of_classes=True)

    def errors(
        self, cv: Any, strengths: Array, tol: float, gamma: float | None, score: str = "deviance"
    ) -> Errors:
        if score == "auc":
            raise ValueError(
                "score must be 'deviance' or 'misclassification' for several classes, got 'auc': "
                "LogisticRegressionCV takes the scorers of scikit-learn"
            )
        splits = as_splits(self._splits(cv), len(self.y))
        check_training_sets(splits, self.y, self.objective.weights, self.classes)
        return super().errors(splits, strengths, tol, gamma, score)


@dataclass(frozen=True, eq=False, repr=False)
class ClassPath(Path):
    """Hold the fits that `path` returns for ``family="multinomial"``.

    It has the methods of `Path`, but for `relax`.

    Attributes
    ----------
    coefs : ndarray of shape (n_features, n_classes, n_alphas)
        Coefficients of each class at each strength.
    intercepts : ndarray of shape (n_classes, n_alphas)
        Intercepts of each class at each strength, of sum 0.
    classes : ndarray of shape (n_classes,)
        Labels of the classes, sorted.

    See Also
    --------
    path : Fit a path.

    Examples
    --------
    >>> import fastreg
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> path = fastreg.path(X, y, family="multinomial", alphas=30)
    >>> path.coefs.shape, path.classes
    ((4, 3, 30), array([0, 1, 2]))
    >>> path.select("cv").coef.shape
    (4, 3)
    """

    classes: Array = field(kw_only=True)

    def _penalties(self) -> Array:
        objective = self.data.objective
        ridge = 0.5 * (objective.l2[:, :, None] * self.coefs**2).sum(axis=(0, 1))
        column, classes = column_of(objective.penalty), self.coefs.swapaxes(0, 1)
        return self.alphas * (ridge + sum(penalty_value(column, B).sum(axis=0) for B in classes))

    def _count(self) -> Array:
        return np.count_nonzero(self.coefs, axis=(0, 1))

    def _level(self, index: int) -> Any:
        return self.intercepts[:, index].copy()

    def _drawn(self, names: Any) -> tuple[Array, Any]:
        features = names if names is not None else [f"x{j}" for j in range(len(self.coefs))]
        labels = [f"{name}, {each}" for name in features for each in self.classes.tolist()]
        return self.coefs.reshape(-1, len(self.alphas)), labels

    def _response(self, z: Array) -> Array:
        return softmax(z, axis=1)
