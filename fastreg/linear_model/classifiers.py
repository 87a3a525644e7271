"""Share labels, scores of rows and attributes among classifiers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastreg.linear_model.base import Linear, as_sparse
from fastreg.linear_model.generalized import Generalized
from fastreg.linear_model.odds import label_array
from fastreg.solvers import Solution

Array = np.ndarray


def check_inverse(name: str, C: Array) -> None:
    """ValueError if 1/C leaves float64."""
    with np.errstate(over="ignore"):
        if np.isinf(1.0 / C).any():
            raise ValueError(f"{name} must be at least 1e-307, as 1/C is a strength, got {C.min()}")


class Classifier(ClassifierMixin, Generalized):  # type: ignore[misc]
    """Share what a fit says of new rows, and `coef_` with a row for each score."""

    classes_: Array
    _most_classes = 2  # of rows in blocks
    _takes_shares = False  # whether some `target` is shares of classes

    # What all take of scikit-learn's parameters, and of their own.
    _parameter_constraints: dict[str, Any] = {
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "positive": ["boolean"],
        "bounds": ["array-like", tuple, None],
        "penalty_factor": ["array-like", None],
    }

    def _set(self, solution: Solution) -> None:
        coef, level = solution.coef, solution.intercept
        if coef.ndim == 3:  # of one point, (n, K, 1): a constant added to all intercepts is nothing
            coef, level = coef[..., 0], level[:, 0] - level[:, 0].mean()
        self.coef_ = np.array(coef.T, order="C")
        self.intercept_ = level if self.fit_intercept else np.zeros(len(level))
        self.n_iter_ = self._steps(solution.n_iter, len(level))

    def _of_labels(self) -> bool:
        """Whether y holds labels."""
        return True

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """Compute the scores of new rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit. Paths, a `Source` and dask arrays work too; they are
            read in blocks.
        offset : array-like or None, default=None
            Known part of the prediction, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores o + b + Xw, with o the offset. Of two classes that of the second, above 0 where
            it is predicted; logistic regression has its log odds. Of more that of each class.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity.
        """
        check_is_fitted(self)
        if len(self.classes_) == 2:
            return self._predictor(X, offset)
        return self._shifted(Linear(self._coefficients(), self.intercept_), X, offset)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """Predict the class of new rows.

        Of two classes it is the second where `decision_function` is above 0. Of more it is the one
        for which `decision_function` is largest.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit. Paths, a `Source` and dask arrays work too; they are
            read in blocks.
        offset : array-like or None, default=None
            Known part of the prediction, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels from `classes_`.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity.
        """
        z = self.decision_function(X, offset)
        return self.classes_[(z > 0.0).astype(int) if z.ndim == 1 else z.argmax(axis=1)]

    def _accuracy(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> float:
        """The share of rows whose class is the one predicted."""
        from sklearn.metrics import accuracy_score  # slow to import

        predicted = self.predict(X, offset)
        labels = label_array(y, len(predicted), shares=self._takes_shares)
        return float(accuracy_score(labels, predicted, sample_weight=sample_weight))

    def sparsify(self) -> Self:
        """Make `coef_` a sparse matrix.

        It takes less memory if most coefficients are zero.

        Returns
        -------
        estimator
            The estimator itself.
        """
        check_is_fitted(self)
        self.coef_ = as_sparse(self.coef_)
        return self

    def densify(self) -> Self:
        """Make `coef_` an array again.

        Returns
        -------
        estimator
            The estimator itself.
        """
        check_is_fitted(self)
        self.coef_ = self._coefficients()
        return self


class OneC(Classifier):
    """A fit of one C."""

    _parameter_constraints = {
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "warm_start": ["boolean"],
    }

    def _penalty(self) -> tuple[Array, float]:
        """((1,) strength beside the sum of the losses, l1_ratio)."""
        raise NotImplementedError

    def _fit_source(self, X: Any, offset: Any) -> Any:
        """By reads of a source."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source = sources.opened(self, X, offset)
        strength, ratio = self._penalty()
        make = self._maker(source.n_features, ratio, None)
        found = sources.followed(self, source, make, strength, by_total=True)
        self.classes_ = sources.classes_of(source, found)
        sources.finish(self, source, found, make)
        return self
