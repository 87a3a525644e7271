"""`LogisticRegression`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.special
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastreg._warnings import warn
from fastreg.design import as_weights, counted
from fastreg.linear_model.base import STREAMED, as_sparse, per_weight
from fastreg.linear_model.generalized import Generalized
from fastreg.linear_model.odds import TARGETS, Odds, as_odds, known_share, label_array, shares
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.losses import Logistic
from fastreg.objectives import offset_of
from fastreg.solvers import Solution

Array = np.ndarray


class Classifier(ClassifierMixin, Generalized):  # type: ignore[misc]
    """What `LogisticRegression` and `LogisticRegressionCV` share: what a fit says of new rows."""

    _loss = Logistic()
    _ratio = "odds ratio"
    classes_: Array

    # What both take of scikit-learn's parameters, and of their own.
    _parameter_constraints: dict[str, Any] = {
        "penalty": [
            StrOptions({"l1", "l2", "elasticnet"}),
            None,
            Hidden(StrOptions({"deprecated"})),
        ],
        "dual": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "solver": [
            StrOptions({"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"})
        ],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "n_jobs": [None, Integral],
        "target": [StrOptions(set(TARGETS))],
        "positive": ["boolean"],
        "bounds": ["array-like", tuple, None],
        "penalty_factor": ["array-like", None],
    }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _set(self, solution: Solution) -> None:
        self.coef_ = solution.coef[:, :1].T.copy()
        self.intercept_ = solution.intercept[:1] if self.fit_intercept else np.zeros(1)
        self.n_iter_ = self._steps(solution.n_iter, 1)

    def _steps(self, n_iter: int, n_targets: int) -> Any:
        return np.array([n_iter], np.int32)

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """The log odds o + b + Xw of the second class, (m,) float64.

        Parameters
        ----------
        X : (m, n) array, sparse matrix or frame, with the features of the fit
        offset : (m,) array or None for zeros, whatever it was in the fit

        Raises
        ------
        ValueError
            X has other features than in the fit, or X or offset contains NaN or infinity.
        """
        return self._predictor(X, offset)

    def predict(self, X: Any, offset: Any = None) -> Array:
        """The class, (m,), whose probability is larger: the second where the log odds are above 0.

        Parameters and errors are those of `decision_function`.
        """
        z = self.decision_function(X, offset)
        return self.classes_[(z > 0.0).astype(int)]

    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Probabilities (m, 2) of both classes, in the order of `classes_`.

        Parameters and errors are those of `decision_function`.
        """
        z = self.decision_function(X, offset)
        return np.column_stack([scipy.special.expit(-z), scipy.special.expit(z)])

    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Logarithms of `predict_proba`, exact where a probability underflows.

        Parameters and errors are those of `decision_function`.
        """
        z = self.decision_function(X, offset)
        return np.column_stack([scipy.special.log_expit(-z), scipy.special.log_expit(z)])

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        if self.class_weight is not None and method in ("classical", "bayesian"):
            raise ValueError(
                f"method={method!r} takes weights for counts of rows, and those of class_weight "
                "are none: take method='sandwich'"
            )
        if self.target == "labels":
            odds = Odds(known_share(self, y, m), as_weights(sample_weight, m), self.classes_)
        else:
            odds = as_odds(self, y, sample_weight, m)
        odds = odds.weighted(self.class_weight)
        odds.check_both(self)
        return counted(odds.share, odds.weights), odds.weights

    def sparsify(self) -> Self:
        """`coef_` as a sparse matrix, which takes less memory where most of it is zero."""
        check_is_fitted(self)
        self.coef_ = as_sparse(self.coef_)
        return self

    def densify(self) -> Self:
        """`coef_` as an array again."""
        check_is_fitted(self)
        self.coef_ = self.coef_.toarray() if hasattr(self.coef_, "toarray") else self.coef_
        return self

    def _accuracy(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> float:
        """The share of rows, or of trials, whose class is the one predicted."""
        if self.target == "labels":
            from sklearn.metrics import accuracy_score  # slow to import

            predicted = self.predict(X, offset)
            labels = label_array(y, len(predicted))
            return float(accuracy_score(labels, predicted, sample_weight=sample_weight))
        ahead = self.decision_function(X, offset) > 0.0
        share, weights = shares(self.target, y, sample_weight, len(ahead))
        return float(np.average(np.where(ahead, share, 1.0 - share), weights=weights))


class LogisticRegression(Classifier):
    """Logistic regression of two classes, penalised, certified.

        P(w, b) = (1/S) Σ_i s_i log(1 + exp(−y_i z_i))
                  + 1/(C·S) Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    with y_i = ±1, weights s of sum S, offsets o and factors f of features. C·S·P is what
    scikit-learn minimises.

    Parameters
    ----------
    penalty : "l1", "l2", "elasticnet" or None
        As scikit-learn before 1.8 has it: the first two stand for an l1_ratio of 1 and 0, the third
        for the one given, None for C=inf. Left out, C and l1_ratio say all.
    C : float > 0, inverse strength of the penalty; inf for none
    l1_ratio : float in [0, 1], share of L1
    tol : float ≥ 0
        Certified relative gap to reach: P(w, b) − min P ≤ tol·(P of the intercept alone). That is
        not scikit-learn's `tol`, a largest slope. Without a penalty no gap may be known: then the
        KKT residual, the largest slope left over the largest at w = 0, is to be min(tol, 1e-7).
    fit_intercept : bool, whether b is free; it is never penalised
    class_weight : dict of class and weight, "balanced" or None; multiplies sample_weight
        "balanced": S/(2 S_c), S_c the weight of a class.
    max_iter : int, Newton steps
    warm_start : bool, start from `coef_` of the last fit
    target : "labels", "proportions" or "counts", what y is
        "proportions": shares of successes in [0, 1], with sample_weight the trials of each row.
        "counts": (m, 2) successes and failures. Of both `classes_` is [0, 1], 1 a success. Nothing
        is guessed: two columns may be labels in another form, with failures first.
    positive : bool, require w ≥ 0
    bounds : (low, high) or None
        Require low ≤ w ≤ high, floats or (n,) arrays each, low ≤ 0 ≤ high; ∞ is no bound.
    penalty_factor : (n,) array ≥ 0 or None for ones, f; 0 leaves a feature unpenalised
    dual, intercept_scaling, random_state, solver, verbose, n_jobs
        Accepted so that code written for scikit-learn runs; without effect. X is never copied and
        never changed.

    Attributes
    ----------
    classes_ : (2,) labels, sorted; the second is what probabilities and odds are of
    coef_ : (1, n) float64
    intercept_ : (1,) float64
    dual_gap_ : float, certified bound on P(w, b) − min P
    certificate_ : `fastreg.Certificate`: relative gap, KKT residual, method, passes over X
    n_iter_ : (1,) int, Newton steps used
    n_features_in_, feature_names_in_

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
    >>> model = fastreg.LogisticRegression(l1_ratio=1.0, tol=1e-8)
    >>> model = model.fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict(X), model.coef_.round(4)
    (array(['no', 'no', 'yes', 'yes'], dtype='<U3'), array([[0.9082, 0.    ]]))
    >>> bool(model.certificate_.relative_gap[0] <= model.tol)
    True

    Three successes in ten trials, then eight in ten, and twice the odds of the rest by an offset:

    >>> model = fastreg.LogisticRegression(C=np.inf, target="counts")
    >>> model = model.fit([[0.0], [1.0]], [[3, 7], [8, 2]])
    >>> model.predict_proba([[1.0]], offset=[np.log(2.0)]).round(3)
    array([[0.111, 0.889]])
    """

    _parameter_constraints = {
        **Classifier._parameter_constraints,
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-4,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=100,
        verbose=0,
        warm_start=False,
        n_jobs=None,
        target="labels",
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.target = target
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor

    @atomic("coef_", "intercept_")
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to X (m, n), y as `target` says, weights (m,) ≥ 0 or None, and an offset (m,) of the
        log odds or None; or to what `fastreg.read` takes, with classes 0 and 1 or its labels.

        `offset` of a source is the number, 0 or 1, of the one of its two targets that it is.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable, or y has other than two classes; the
            message says which, and what to do.

        Warns
        -----
        ConvergenceWarning
            `tol` was not reached; the message has the gap reached and the gap asked. Or nothing
            holds coefficients that separate the classes; it names their features.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset)
        design = self._opened(X, y)
        C, ratio = self._penalty()
        m, n = design.shape
        odds = as_odds(self, y, sample_weight, m).weighted(self.class_weight)
        odds.check_both(self)
        make = self._maker(n, ratio, offset_of(offset, m))
        objective = make(odds.weights, per_weight(np.array([1.0 / C]), odds.weights, m))
        self.classes_ = odds.classes
        self._finish(X, design, odds.share, objective)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """The share of rows, or of trials, whose class is predicted.

        Parameters
        ----------
        X, y, sample_weight, offset : as in `fit`

        Raises
        ------
        ValueError
            As `decision_function`, and where y is not what `target` says.
        """
        return self._accuracy(X, y, sample_weight, offset)

    def _fit_source(self, X: Any, offset: Any) -> Any:
        """By reads of a source."""
        from fastreg.linear_model import generalized_sources as sources  # not part of a first fit

        source = sources.opened(self, X, offset)
        C, ratio = self._penalty()
        make = self._maker(source.n_features, ratio, None)
        found = sources.followed(self, source, make, np.array([1.0 / C]), by_total=True)
        self.classes_ = sources.classes_of(source)
        sources.finish(self, source, found.solution)
        return self

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        C, ratio = self._penalty()
        return ratio, float(per_weight(np.array([1.0 / C]), weights, m)[0])

    def _penalty(self) -> tuple[float, float]:
        """(C, l1_ratio), whichever way they are given."""
        ratio = 0.0 if self.l1_ratio is None else float(self.l1_ratio)
        if self.penalty is None:
            if self.C != 1.0:
                warn("Setting penalty=None will ignore the C and l1_ratio parameters", UserWarning)
            return np.inf, 0.0
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
        asked = {"l1": 1.0, "l2": 0.0}.get(self.penalty, ratio)
        if ratio not in (0.0, asked):
            warn(
                f"penalty={self.penalty!r} is taken, and l1_ratio={self.l1_ratio!r} has no effect",
                UserWarning,
            )
        return float(self.C), asked
