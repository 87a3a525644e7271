"""`TweedieRegressorCV`: choose alpha and l1_ratio by cross-validation."""

from __future__ import annotations

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.linear_model.powers import WithPower
from fastreg.linear_model.regressors_cv import ChoosesAlpha


class TweedieRegressorCV(WithPower, ChoosesAlpha):
    """Fit Tweedie regression, with alpha and l1_ratio chosen by cross-validation.

    Each training set gets a path of all alphas, and each fit has a certificate. The mean deviance
    of held-out rows decides. X is never copied.

    Parameters
    ----------
    power : float, default=0.0
        Power p of the variance φμᵖ. 0 is least squares, 1 Poisson, between 1 and 2 a sum of a
        Poisson number of Gamma amounts, 2 Gamma, 3 the inverse Gaussian.
    l1_ratio : float or array-like of shape (n_l1_ratios,), default=0.0
        Shares of the L1 penalty to try, from 0 to 1.
    eps : float or None, default=None
        Least alpha divided by the largest, above 0 and at most 1. None means 1e-3, or 1e-6 for an
        l1_ratio below 1e-3.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of strengths, or the strengths. A number gives a geometric grid. It starts at the
        least alpha that holds all coefficients at zero. For an l1_ratio below 1e-3, that is the one
        for 1e-3.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    link : {"auto", "identity", "log"}, default="auto"
        What of the mean is linear in the features. "auto" is "identity" for ``power=0`` and "log"
        for a power of 1 or more. "identity" is for ``power=0`` alone.
    solver : str, default="lbfgs"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=100
        Largest number of steps at each strength.
    tol : float, default=1e-4
        Relative duality gap that every fit must reach, at least 0.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds.
    verbose : bool, default=0
        Whether to draw a progress bar of the folds on standard error.
    rule : {"min", "1se"}, default="min"
        How to choose the strength. "min" takes the least mean error. "1se" takes the strongest
        penalty whose mean error is within one standard error of that.
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
    alpha_ : float
        Chosen alpha.
    l1_ratio_ : float
        Chosen l1_ratio.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Alphas that were tried, in descending order.
    deviance_path_ : ndarray of shape (n_alphas, n_folds) or (n_l1_ratios, n_alphas, n_folds)
        Mean deviance of each test fold.
    deviance_se_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        Standard error of the mean over folds.
    alpha_min_ : float
        Alpha that ``rule="min"`` chooses.
    alpha_1se_ : float
        Alpha that ``rule="1se"`` chooses.
    cv_certificate_ : ChoiceCertificate
        How wrong the error of each fold may be.
    coef_ : ndarray of shape (n_features,)
        Coefficients w.
    intercept_ : float
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int
        Number of steps.
    power_ : float
        Power of the fit.
    link_ : str
        Link of the fit, "identity" or "log".
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    TweedieRegressor : Fit one alpha.
    GammaRegressorCV : Choose for amounts above zero.

    Notes
    -----
    Each fit minimises the objective of `TweedieRegressor`, with μ = exp(z)::

        P(w, b) = (1/S) Σ_i s_i (μ_i^(2−p)/(2−p) − y_i μ_i^(1−p)/(1−p))
                  + alpha Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    For the rule of one standard error see [1]_.

    References
    ----------
    .. [1] Hastie T., Tibshirani R., Friedman J., "The Elements of Statistical Learning", 2nd ed.,
       2009, section 7.10.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1000, 10))
    >>> claims = rng.poisson(0.5 * np.exp(X[:, 0]))
    >>> y = np.where(claims > 0, rng.gamma(np.maximum(claims, 1)), 0.0)
    >>> model = fastreg.TweedieRegressorCV(power=1.5, l1_ratio=1.0, alphas=30, rule="1se").fit(X, y)
    >>> model.deviance_path_.shape, np.flatnonzero(model.coef_)
    ((30, 5), array([0]))
    """

    _parameter_constraints = {
        **ChoosesAlpha._parameter_constraints,
        "power": [Interval(Real, None, None, closed="neither")],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    def __init__(
        self,
        *,
        power=0.0,
        l1_ratio=0.0,
        eps=None,
        alphas=100,
        fit_intercept=True,
        link="auto",
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        cv=None,
        verbose=0,
        rule="min",
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        super().__init__(
            l1_ratio=l1_ratio, eps=eps, alphas=alphas, fit_intercept=fit_intercept, solver=solver,
            max_iter=max_iter, tol=tol, cv=cv, verbose=verbose, rule=rule, positive=positive,
            bounds=bounds, penalty_factor=penalty_factor,
        )  # fmt: skip
        self.power = power
        self.link = link
