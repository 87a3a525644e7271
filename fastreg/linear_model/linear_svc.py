"""`LinearSVC`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._param_validation import StrOptions

from fastreg.linear_model.base import STREAMED, per_weight, warn_of_fit
from fastreg.linear_model.classifiers import Classifier, OneC, check_inverse
from fastreg.linear_model.odds import Labels
from fastreg.linear_model.one_against_rest import fits_of, sides_of
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic, note_features
from fastreg.losses import SquaredHinge
from fastreg.objectives import offset_of
from fastreg.solvers import together

Array = np.ndarray
_NO_LIKELIHOOD = "the squared hinge is no likelihood: fit LogisticRegression"
_MISSING = {
    "predict_proba": f"{_NO_LIKELIHOOD}, or sklearn.calibration.CalibratedClassifierCV around it",
    "predict_log_proba": _NO_LIKELIHOOD,
    "summary": _NO_LIKELIHOOD,
    "residuals": _NO_LIKELIHOOD,
    "plot_calibration": _NO_LIKELIHOOD,
}
_REFUSED = {
    "loss": ("hinge", "it has a kink: take 'squared_hinge', or sklearn.svm.LinearSVC"),
    "multi_class": (
        "crammer_singer",
        "fastreg has one fit a class: take 'ovr', or LogisticRegression for one model of all",
    ),
}


class LinearSVC(OneC):
    """Fit a linear support vector classifier by the squared hinge loss.

    More than two classes get one fit each, against the rest. Every fit has a certificate, which
    bounds its distance from the minimum.

    Parameters
    ----------
    penalty : {"l1", "l2"}, default="l2"
        Penalty: "l1" means ``l1_ratio=1`` and "l2" means ``l1_ratio=0``.
    loss : {"squared_hinge", "hinge"}, default="squared_hinge"
        Loss of a row. "hinge" is refused: it is not smooth.
    dual : bool or "auto", default="auto"
        Ignored. It exists for compatibility with scikit-learn.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·N. N is
        the loss of the best intercept less the least possible loss. With scikit-learn, `tol` bounds
        a slope instead. Without a penalty there may be no gap; then the KKT residual must fall to
        min(tol, 1e-7).
    C : float, default=1.0
        Inverse strength of the penalty, above 0. Infinity means no penalty.
    multi_class : {"ovr", "crammer_singer"}, default="ovr"
        What to do with more than two classes. "ovr" fits each against the rest. "crammer_singer" is
        refused.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    intercept_scaling : float, default=1
        Ignored. It exists for compatibility with scikit-learn.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; it multiplies `sample_weight`. "balanced" gives all classes the same
        total weight.
    verbose : object, default=0
        Ignored. It exists for compatibility with scikit-learn.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=1000
        Largest number of Newton steps of a fit.
    l1_ratio : float or None, default=None
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso). None means that of `penalty`; a number
        stands in place of `penalty`.
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    bounds : tuple of (low, high) or None, default=None
        Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of shape
        (n_features,). An infinite end is no bound.
    penalty_factor : array-like of shape (n_features,) or None, default=None
        Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
        feature with factor 0 is not penalised.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients w.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float or ndarray of shape (n_classes,)
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int
        Number of steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    LogisticRegression : Fit probabilities of classes.
    path : Fit many strengths at once, with ``family="squared_hinge"``.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i ½ max(0, 1 − y_i z_i)²
                  + 1/(2·C·S) Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    y_i is 1 for the second of two classes and −1 for the first. S is the sum of the weights s,
    which are those of the samples times those of the classes. o are the offsets and f the factors
    `penalty_factor`. The KKT residual is the largest slope of P that is left, divided by the
    largest at w = 0. The duality gap bounds P(w, b) − min P from above [1]_.

    More than two classes have one fit each. There y_i is 1 for the class of the fit, and −1 for the
    rest. `certificate_` and `dual_gap_` have an entry for each fit, and `n_iter_` counts the steps
    of the longest. `class_weight` weighs the rows of a class in its own fit alone, as scikit-learn
    does.

    scikit-learn minimises 2·C·S·P, and penalises b too: by ½(b/k)² with "l2" and by ``|b|/k`` with
    "l1", where k is `intercept_scaling`. Answers are equal with ``fit_intercept=False``, and nearly
    equal where k is large.

    There are no probabilities: the loss is no likelihood. scikit-learn's ``CalibratedClassifierCV``
    estimates them from scores.

    References
    ----------
    .. [1] Boyd S., Vandenberghe L., "Convex Optimization", section 5.5, Cambridge University Press,
       2004.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
    >>> model = fastreg.LinearSVC(penalty="l1", tol=1e-8).fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict(X), model.coef_.round(4)
    (array(['no', 'no', 'yes', 'yes'], dtype='<U3'), array([[0.6111, 0.4444]]))
    >>> bool(model.certificate_.relative_gap[0] <= model.tol)
    True

    Each of three classes has a fit and a gap of its own:

    >>> model = fastreg.LinearSVC().fit([[0.0], [1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 2, 2])
    >>> model.coef_.shape, model.certificate_.gap.shape
    ((3, 1), (3,))
    """

    _loss = SquaredHinge()
    _parameter_constraints = {
        **Classifier._parameter_constraints,
        **OneC._parameter_constraints,
        "penalty": [StrOptions({"l1", "l2"})],
        "loss": [StrOptions({"hinge", "squared_hinge"})],
        "dual": ["boolean", StrOptions({"auto"})],
        "multi_class": [StrOptions({"ovr", "crammer_singer"})],
    }

    def __init__(
        self,
        penalty="l2",
        loss="squared_hinge",
        *,
        dual="auto",
        tol=1e-4,
        C=1.0,
        multi_class="ovr",
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        verbose=0,
        random_state=None,
        max_iter=1000,
        l1_ratio=None,
        warm_start=False,
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        self.penalty = penalty
        self.loss = loss
        self.dual = dual
        self.tol = tol
        self.C = C
        self.multi_class = multi_class
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.verbose = verbose
        self.random_state = random_state
        self.max_iter = max_iter
        self.l1_ratio = l1_ratio
        self.warm_start = warm_start
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what to do where a method of other classifiers is not there."""
            why = f": {_MISSING[name]}" if name in _MISSING else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{why}")

    @atomic("coef_", "intercept_")
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,), default=None
            Labels. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like, int or None, default=None
            Known part of the score, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros. If X is a source of two
            targets, the number 0 or 1 of the one that is the offset.

        Returns
        -------
        LinearSVC
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong, or y has one class. The message states what
            to do.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`. The message states both gaps.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset)
        design = self._opened(X, y)
        m, n = design.shape
        labels = Labels.of(y, sample_weight, m, shares=False)
        number = fits_of(labels.classes)
        strength, ratio = self._penalty()
        shift = offset_of(offset, m, number)
        found = []
        for k, odds in enumerate(sides_of(self, labels)):
            make = self._maker(n, ratio, shift if number == 1 or shift is None else shift[:, k])
            objective = make(odds.weights, per_weight(strength, odds.weights, m))
            found.append(self._minimised(design, odds.share, objective, k, number))
        solution = together(found)
        self.classes_ = labels.classes
        note_features(self, X)
        self._keep(solution)
        warn_of_fit(self, solution)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the share of rows whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like or None, default=None
            Known part of the score, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros.

        Returns
        -------
        float
            The share, weighted by `sample_weight`.

        Raises
        ------
        ValueError
            X has other features than the fit, a value is NaN or infinite, or y holds no labels.
        """
        return self._accuracy(X, y, sample_weight, offset)

    def _penalty(self) -> tuple[Array, float]:
        for name, (value, why) in _REFUSED.items():
            if getattr(self, name) == value:
                raise ValueError(f"{name}={value!r} is not in fastreg, {why}")
        C = np.array([float(self.C)])
        check_inverse("C", C)
        ratio = {"l1": 1.0, "l2": 0.0}[self.penalty] if self.l1_ratio is None else self.l1_ratio
        return 0.5 / C, float(ratio)  # the loss has a half that scikit-learn's has not
