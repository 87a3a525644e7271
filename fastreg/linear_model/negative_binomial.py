"""`NegativeBinomialRegressor`: counts that vary more than a Poisson variable."""

from __future__ import annotations

from numbers import Real

from sklearn.utils._param_validation import Interval

from fastreg.linear_model.regressors import OneAlpha
from fastreg.linear_model.thetas import WithTheta


class NegativeBinomialRegressor(WithTheta, OneAlpha):
    """Fit negative binomial regression of counts with an L1 and a ridge penalty.

    The logarithm of the mean μ is linear in the features, and the variance is μ + μ²/theta. Every
    fit has a certificate, which bounds its distance from the minimum at its theta.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    solver : str, default="lbfgs"
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=100
        Largest number of Newton steps of a fit.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·N. N is
        the loss of the best intercept less the least possible loss. With scikit-learn, `tol` bounds
        a slope instead. Without a penalty there may be no gap; then the KKT residual must fall to
        min(tol, 1e-7).
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    verbose : object, default=0
        Ignored. It exists for compatibility with scikit-learn.
    theta : float or None, default=None
        Number θ of the variance μ + μ²/θ, above 0. None estimates it by maximum likelihood.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
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
    theta_ : float
        θ of the fits.
    theta_se_ : float
        Standard error of an estimated θ; NaN for a given one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    NegativeBinomialRegressorCV : Choose alpha and l1_ratio by cross-validation.
    PoissonRegressor : Fit counts whose variance is their mean.
    path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i ((y_i + θ) log(θ + exp z_i) − y_i z_i)
                  + alpha Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    S is the sum of the sample weights s. o are the offsets and f the factors `penalty_factor`. The
    loss is half the mean deviance, less a term of y alone. The KKT residual is the largest slope of
    P that is left, divided by the largest at w = 0.

    An estimated θ is the most likely one at the means of the fit, as in glm.nb of R's MASS [1]_. If
    the counts vary no more than Poisson's, no θ is the most likely: a warning tells so.

    References
    ----------
    .. [1] Venables W. N., Ripley B. D., "Modern Applied Statistics with S", 4th ed., 2002, section
       7.4.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((1000, 2))
    >>> mean = np.exp(0.5 * X[:, 0] + 1.0)
    >>> y = rng.poisson(mean * rng.gamma(2.0, 0.5, 1000))
    >>> model = fastreg.NegativeBinomialRegressor(alpha=0.0).fit(X, y)
    >>> model.coef_[:1].round(1), round(model.theta_, 1), round(model.theta_se_, 1)
    (array([0.5]), 1.9, 0.2)
    """

    _parameter_constraints = {
        **OneAlpha._parameter_constraints,
        "theta": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        *,
        alpha=1.0,
        fit_intercept=True,
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        warm_start=False,
        verbose=0,
        theta=None,
        l1_ratio=0.0,
        positive=False,
        bounds=None,
        penalty_factor=None,
    ) -> None:
        super().__init__(
            alpha=alpha, fit_intercept=fit_intercept, solver=solver, max_iter=max_iter, tol=tol,
            warm_start=warm_start, verbose=verbose, l1_ratio=l1_ratio, positive=positive,
            bounds=bounds, penalty_factor=penalty_factor,
        )  # fmt: skip
        self.theta = theta
