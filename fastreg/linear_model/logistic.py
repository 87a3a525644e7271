"""`LogisticRegression`."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
import scipy.special
from sklearn.utils._param_validation import Hidden, StrOptions

from fastreg._warnings import warn
from fastreg.design import as_weights, counted
from fastreg.linear_model.base import STREAMED, per_weight
from fastreg.linear_model.classifiers import Classifier, OneC, check_inverse
from fastreg.linear_model.likelihoods import Likelihood
from fastreg.linear_model.odds import (
    TARGETS,
    Labels,
    Odds,
    as_odds,
    known_share,
    shares,
)
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.losses import Logistic
from fastreg.objectives import offset_of
from fastreg.sources.rows import MOST_CLASSES

Array = np.ndarray


class LogOdds(Classifier, Likelihood):
    """What `LogisticRegression` and `LogisticRegressionCV` share: what a fit says of new rows."""

    _loss = Logistic()
    _ratio = "odds ratio"
    _predicted = "probability of the second class"
    _takes_shares = True
    _most_classes = MOST_CLASSES

    # What both take of scikit-learn's parameters, and of their own.
    _parameter_constraints = {
        **Classifier._parameter_constraints,
        "penalty": [
            StrOptions({"l1", "l2", "elasticnet"}),
            None,
            Hidden(StrOptions({"deprecated"})),
        ],
        "dual": ["boolean"],
        "solver": [
            StrOptions({"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"})
        ],
        "n_jobs": [None, Integral],
        "target": [StrOptions(set(TARGETS))],
    }

    def _of_labels(self) -> bool:
        return bool(self.target == "labels")

    def _steps(self, n_iter: int, n_targets: int) -> Any:
        return np.array([n_iter], np.int32)

    def _check_one_output(self) -> None:
        if len(self.classes_) > 2:
            raise ValueError(
                f"this is for two classes, and the fit has {len(self.classes_)}: there are no "
                "residuals or calibration of more yet"
            )

    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Compute the probabilities of the classes.

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
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity.
        """
        z = self.decision_function(X, offset)
        if z.ndim == 2:
            return scipy.special.softmax(z, axis=1)
        return np.column_stack([scipy.special.expit(-z), scipy.special.expit(z)])

    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Compute the logarithms of the probabilities of the classes.

        They are exact even where a probability underflows.

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
        ndarray of shape (n_samples, n_classes)
            Logarithms, in the order of `classes_`.

        Raises
        ------
        ValueError
            X has other features than the fit, or X or offset contains NaN or infinity.
        """
        z = self.decision_function(X, offset)
        if z.ndim == 2:
            return scipy.special.log_softmax(z, axis=1)
        return np.column_stack([scipy.special.log_expit(-z), scipy.special.log_expit(z)])

    def _check_counts(self, method: str) -> None:
        """ValueError if weights of classes would count as rows."""
        if self.class_weight is not None and method in ("classical", "bayesian"):
            raise ValueError(
                f"method={method!r} treats weights as counts of rows, and class_weight is not a "
                "count: set method='sandwich'"
            )

    def _likelihood(
        self, y: Any, sample_weight: Any, m: int, method: str
    ) -> tuple[Array, Array | None]:
        self._check_counts(method)
        if self.target == "labels":
            odds = Odds(known_share(self, y, m), as_weights(sample_weight, m), self.classes_)
        else:
            odds = as_odds(self, y, sample_weight, m)
        odds = odds.weighted(self.class_weight)
        odds.check_both(self)
        return counted(odds.share, odds.weights), odds.weights

    def _accuracy(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> float:
        """The share of rows, or of trials, whose class is the one predicted."""
        if self._of_labels():
            return super()._accuracy(X, y, sample_weight, offset)
        ahead = self.decision_function(X, offset) > 0.0
        share, weights = shares(self.target, y, sample_weight, len(ahead))
        return float(np.average(np.where(ahead, share, 1.0 - share), weights=weights))


class LogisticRegression(OneC, LogOdds):
    """Fit logistic regression of two or more classes with an L1 and a ridge penalty.

    More than two classes get the symmetric multinomial model. Every fit has a certificate, which
    bounds its distance from the minimum.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet"} or None, default="deprecated"
        Deprecated; set `C` and `l1_ratio`. "l1" means ``l1_ratio=1`` and "l2" means ``l1_ratio=0``.
        "elasticnet" keeps `l1_ratio`, and None means no penalty.
    C : float, default=1.0
        Inverse strength of the penalty, above 0. Infinity means no penalty.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    dual : bool, default=False
        Ignored. It exists for compatibility with scikit-learn.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·N. N is
        the loss of the best intercept less the least possible loss. With scikit-learn, `tol` bounds
        a slope instead. Without a penalty there may be no gap; then the KKT residual must fall to
        min(tol, 1e-7).
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    intercept_scaling : float, default=1
        Ignored. It exists for compatibility with scikit-learn.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class; it multiplies `sample_weight`. "balanced" gives all classes the same
        total weight.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    solver : str, default="lbfgs"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=100
        Largest number of Newton steps of a fit.
    verbose : object, default=0
        Ignored. It exists for compatibility with scikit-learn.
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    n_jobs : object, default=None
        Ignored. `fastreg.set_num_threads` sets the number of threads.
    target : {"labels", "proportions", "counts"}, default="labels"
        What y holds. "labels": one label for each row. "proportions": shares of successes in [0,
        1]; `sample_weight` then holds the trials. "counts": two columns, successes and failures.
        For the last two, `classes_` is [0, 1], and 1 means success.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    bounds : tuple of (low, high) or None, default=None
        Range of the coefficients, with low ≤ 0 ≤ high. Each end is a number or an array of shape
        (n_features,). An infinite end is no bound.
    penalty_factor : array-like of shape (n_features,) or None, default=None
        Factor of the penalty on each feature, at least 0. None means a factor of 1 for all. A
        feature with factor 0 is not penalised.
    firth : bool, default=False
        Whether to add Firth's term, which reduces the bias of small samples [2]_. Coefficients then
        are finite where a line separates the classes. It is for two classes, rows in memory and
        ``l1_ratio=0``; set ``C=inf`` for this term alone. The fit stops when the KKT residual is at
        most min(tol, 1e-7).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, sorted. Odds of two are those of the second.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients w.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts b; 0.0 with ``fit_intercept=False``. Those of more than two classes have sum 0.
    dual_gap_ : float
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : ndarray of shape (1,)
        Number of steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    LogisticRegressionCV : Choose C and l1_ratio by cross-validation.
    path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i log(1 + exp(−y_i z_i))
                  + 1/(C·S) Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    For more than two classes it minimises, with k the class of row i::

        P(w, b) = (1/S) Σ_i s_i (log Σ_l exp(z_il) − z_ik)
                  + 1/(C·S) Σ_l Σ_j f_j (l1_ratio·|w_lj| + ½(1 − l1_ratio)·w_lj²)

    y_i is 1 or −1, and S is the sum of the sample weights s. o are the offsets and f the factors
    `penalty_factor`. scikit-learn minimises C·S·P. Firth's term is −½ log det I/S, with the
    information I = Σ_i s_i p_i (1 − p_i) x_i x_iᵀ of probabilities p and of rows x with a 1 for the
    intercept. The KKT residual is the largest slope of P that
    is left, divided by the largest at w = 0. The duality gap bounds P(w, b) − min P from above
    [1]_.

    References
    ----------
    .. [1] Koh K., Kim S.-J., Boyd S., "An interior-point method for large-scale l1-regularized
       logistic regression", J. Mach. Learn. Res. 8, 2007.
    .. [2] Firth D., "Bias reduction of maximum likelihood estimates", Biometrika 80, 1993.

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

    Fit three successes in ten trials and eight in ten. Then double the odds by an offset:

    >>> model = fastreg.LogisticRegression(C=np.inf, target="counts")
    >>> model = model.fit([[0.0], [1.0]], [[3, 7], [8, 2]])
    >>> model.predict_proba([[1.0]], offset=[np.log(2.0)]).round(3)
    array([[0.111, 0.889]])
    """

    _parameter_constraints = {
        **LogOdds._parameter_constraints, **OneC._parameter_constraints, "firth": ["boolean"],
    }  # fmt: skip

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
        firth=False,
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
        self.firth = firth

    @atomic("coef_", "intercept_")
    @opens_sources
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Labels, shares or counts, as `target` states. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like, int or None, default=None
            Known part of the prediction, added to Xw + b, of shape (n_samples,); for more than two
            classes of shape (n_samples, n_classes). None means zeros. If X is a source of two
            targets, the number 0 or 1 of the one that is the offset.

        Returns
        -------
        LogisticRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong, or y has one class. The message states what
            to do.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`; the message states both gaps. Or nothing bounds the
            coefficients of features that separate the classes; the message names them.
        """
        if isinstance(X, STREAMED):
            return self._fit_source(X, offset)
        design = self._opened(X, y)
        m, n = design.shape
        labels = Labels.of(y, sample_weight, m) if self.target == "labels" else None
        strength, ratio = self._penalty()
        if self.firth:
            from fastreg.linear_model import firth  # not part of a first fit

            firth.check(self, ratio, 2 if labels is None else len(labels.classes))
        if labels is not None and len(labels.classes) > 2:
            from fastreg.linear_model import several_classes  # not part of a first fit

            several_classes.fit(self, X, design, labels, offset)
            return self
        odds = as_odds(self, y, sample_weight, m) if labels is None else labels.odds(self)
        odds = odds.weighted(self.class_weight)
        odds.check_both(self)
        make = self._maker(n, ratio, offset_of(offset, m))
        objective = make(odds.weights, per_weight(strength, odds.weights, m))
        self.classes_ = odds.classes
        if self.firth:
            firth.fit(self, X, design, odds.share, objective)
        else:
            self._finish(X, design, odds.share, objective)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the share of rows, or of trials, whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with the features of the fit.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Labels, shares or counts, as `target` states.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        offset : array-like of shape (n_samples,) or None, default=None
            Known part of the prediction, added to Xw + b. None means zeros.

        Returns
        -------
        float
            The share, weighted by `sample_weight`.

        Raises
        ------
        ValueError
            X has other features than the fit, a value is NaN or infinite, or y is not what `target`
            states.
        """
        return self._accuracy(X, y, sample_weight, offset)

    def _fit_source(self, X: Any, offset: Any) -> Any:
        if self.firth:
            raise ValueError(f"firth=True needs rows in memory, and X is a source: {X.kind}")
        return super()._fit_source(X, offset)

    def _fitted_strength(self, weights: Array | None, m: int) -> tuple[float, float]:
        strength, ratio = self._penalty()
        return ratio, float(per_weight(strength, weights, m)[0])

    def _penalty(self) -> tuple[Array, float]:
        ratio = 0.0 if self.l1_ratio is None else float(self.l1_ratio)
        if self.penalty is None:
            if self.C != 1.0:
                warn("Setting penalty=None will ignore the C and l1_ratio parameters", UserWarning)
            return np.zeros(1), 0.0
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
        asked = {"l1": 1.0, "l2": 0.0}.get(self.penalty, ratio)
        if ratio not in (0.0, asked):
            warn(
                f"penalty={self.penalty!r} decides, and l1_ratio={self.l1_ratio!r} has no effect",
                UserWarning,
            )
        C = np.array([float(self.C)])
        check_inverse("C", C)
        return 1.0 / C, asked
