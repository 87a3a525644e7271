"""Share objective, fit and prediction among estimators of losses other than squared error.

    P(w, b) = (1/S) Σ_i s_i ℓ(o_i + b + x_iᵀw; y_i)
              + strength·Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²)

with weights s of sum S, offsets o, and factors f of the features, 1 unless they are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastreg._warnings import warn_of_convergence
from fastreg.certificate import Certificate, losses
from fastreg.certificate.intercept import null_model
from fastreg.design import Design, as_design
from fastreg.linear_model.base import Linear, check_finite_params, warn_of_fit
from fastreg.linear_model.opening import predict_source
from fastreg.linear_model.state import Estimator, check_features, note_features
from fastreg.objectives import Objective, offset_of
from fastreg.paths import factors_of, penalty_of
from fastreg.selection import separation
from fastreg.solvers import Solution, solve

Array = np.ndarray
MakeObjective = Callable[[Array | None, Array | None], Objective]  # of (weights, strengths)


class Generalized(Estimator):
    """Share objective, fit and prediction among estimators of other losses.

    `_loss` is the loss of the class.
    """

    _loss: Any
    _streams = True

    coef_: Array
    intercept_: Any
    n_iter_: Any
    dual_gap_: Any
    certificate_: Certificate
    n_features_in_: int
    feature_names_in_: Array
    encoding_: Any  # of the table that rows were read from

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _opened(self, X: Any, y: Any) -> Design:
        """Parameters checked, and X, which is in memory."""
        self._validate_params()
        check_finite_params(self)
        return as_design(X)

    def _maker(self, n: int, ratio: float, offset: Array | None) -> MakeObjective:
        """(weights, strengths) ↦ the objective, with parameters of n features checked."""
        factor = factors_of(self.penalty_factor, n)
        penalty = penalty_of(self.bounds, self.positive, n)(factor * ratio)
        l2 = (factor * (1.0 - ratio))[:, None]

        def make(weights: Array | None, strengths: Array | None) -> Objective:
            return Objective(
                l2, penalty, weights, bool(self.fit_intercept), strengths, self._loss, offset
            )

        return make

    def _finish(self, X: Any, design: Design, y: Array, objective: Objective) -> None:
        """Fit to all rows, set the attributes, and warn if the fit did not converge."""
        solution = self._minimised(design, y, objective)
        note_features(self, X)
        self._keep(solution)
        separable = self._separable(design, y, objective, solution)
        if separable:
            warn_of_convergence(f"{type(self).__name__}: {separable}.")
        else:
            warn_of_fit(self, solution)

    def _minimised(
        self, design: Design, y: Array, objective: Objective, row: int = 0, rows: int = 1
    ) -> Solution:
        """The fit that gives one of the rows of `coef_`."""
        start = self._start(design.shape[1], objective.penalty, row, rows)
        return solve(
            design, y[:, None], objective, tol=self.tol, max_iter=self.max_iter, start=start
        )

    def _keep(self, solution: Solution) -> None:
        """The attributes of a fit, but for those of its features."""
        self._set(solution)
        gap = solution.certificate.gap
        self.dual_gap_ = gap[0] if len(gap) == 1 else gap
        self.certificate_ = solution.certificate

    def _separable(self, X: Design, y: Array, objective: Objective, solution: Solution) -> str:
        """What to say where nothing holds coefficients that separate, else nothing."""
        if not separation.is_free(objective, X.shape[1]):
            return ""
        z = self._linear()(X)
        z = z if objective.offset is None else z + objective.offset
        names = getattr(self, "feature_names_in_", None)
        return separation.complaint(X, y, z, objective, solution.exhausted, names)

    def _set(self, solution: Solution) -> None:
        """`coef_`, `intercept_` and `n_iter_`, in the shapes of scikit-learn."""
        raise NotImplementedError

    def _steps(self, n_iter: int, n_targets: int) -> Any:
        """`n_iter_`, in scikit-learn's form."""
        return n_iter

    def _start(self, n_features: int, penalty: Any, row: int, rows: int) -> Array | None:
        """One of the rows of `coef_` of the fit before, within the bounds of this one."""
        if not (getattr(self, "warm_start", False) and hasattr(self, "coef_")):
            return None
        coef = np.atleast_2d(self._coefficients())
        if coef.shape != (rows, n_features) or not np.isfinite(coef).all():
            return None
        low, high = getattr(penalty, "low", -np.inf), getattr(penalty, "high", np.inf)
        return np.clip(coef[row], low, high)[:, None]

    def _coefficients(self) -> Array:
        """`coef_` as an array, also of a sparse matrix."""
        sparse: Any = self.coef_
        return sparse.toarray() if hasattr(sparse, "toarray") else self.coef_

    def _linear(self) -> Linear:
        self._check_one_output()
        coef = self._coefficients()
        return Linear(np.array(coef).ravel(), np.array(self.intercept_).ravel()[:1].reshape(()))

    def _of_labels(self) -> bool:
        """Whether y holds labels."""
        return False

    def _check_one_output(self) -> None:
        """ValueError if the fit predicts several numbers a row."""

    def _predictor(self, X: Any, offset: Any) -> Array:
        """(m,): o + b + Xw."""
        check_is_fitted(self)
        return self._shifted(self._linear(), X, offset)

    def _shifted(self, linear: Linear, X: Any, offset: Any) -> Array:
        """(m,) o + b + Xw by coefficients (n,), or (m, K) by (K, n)."""
        found = predict_source(self, X, linear)
        if found is not None:
            if offset is not None:
                raise ValueError("offset needs rows in memory: read X into an array first")
            return found
        design = as_design(X)
        check_features(self, X)
        given = offset_of(offset, design.shape[0], 1 if linear.coef.ndim == 1 else len(linear.coef))
        z = linear(design)
        return z if given is None else z + given


def explained(loss: Any, z: Array, y: Array, weights: Array | None, offset: Array | None) -> float:
    """D² = 1 − D(z)/D(null), the share of the deviance that predictions z (m,) explain.

    The null model is the best intercept beside the offset.
    """
    w = np.full(len(z), 1.0 / len(z)) if weights is None else weights / weights.sum()
    if not w.all():  # whatever a row of weight zero holds
        seen = w > 0.0
        w, z, y = w[seen], z[seen], y[seen]
        offset = None if offset is None else offset[seen]
    z, y = z[:, None], y[:, None]
    _, null = null_model(loss, y, w, offset)
    lost, most = (float(w @ losses.excess(loss, at, y)[:, 0]) for at in (z, null))
    return 1.0 - lost / most if most > 0.0 else float(lost <= 0.0)
