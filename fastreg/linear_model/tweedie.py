"""`TweedieRegressor`: amounts whose variance is a power of their mean."""

from __future__ import annotations

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.linear_model.powers import WithPower
from fastreg.linear_model.regressors import OneAlpha


class TweedieRegressor(WithPower, OneAlpha):
    """Fit a regression whose variance is a power of the mean.

    The logarithm of the mean is linear in the features. Amounts of which some are zero, such as the
    costs of a year, have a power between 1 and 2.

    Parameters
    ----------
    power : float, default=0.0
        Power p of the variance φμᵖ. 0 is least squares, 1 Poisson, between 1 and 2 a sum of a
        Poisson number of Gamma amounts, 2 Gamma, 3 the inverse Gaussian.
    alpha : float, default=1.0
        Strength of the penalty, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    link : {"auto", "identity", "log"}, default="auto"
        What of the mean is linear in the features. "auto" is "identity" for ``power=0`` and "log"
        for a power of 1 or more. "identity" is for ``power=0`` alone.
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
    TweedieRegressorCV : Choose alpha and l1_ratio by cross-validation.
    GammaRegressor : Fit amounts above zero.
    PoissonRegressor : Fit counts.
    path : Fit many strengths at once.

    Notes
    -----
    The fit minimises, with μ = exp(z)::

        P(w, b) = (1/S) Σ_i s_i (μ_i^(2−p)/(2−p) − y_i μ_i^(1−p)/(1−p))
                  + alpha Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    S is the sum of the sample weights s. o are the offsets and f the factors `penalty_factor`. The
    loss is half the mean deviance, less a term of y alone. It is scikit-learn's objective. y must
    be at least 0 for a power from 1 to below 2, and above 0 from 2 on.

    P is convex for powers from 1 to 2. For other powers with a log link it is not: then there is no
    duality gap, and the certificate is the KKT residual, the largest slope of P that is left,
    divided by the largest at w = 0. It must fall to min(tol, 1e-7). Such a fit is stationary, and
    another one may be better.

    Examples
    --------
    >>> import fastreg
    >>> X, y = [[1, 2], [2, 3], [3, 4], [4, 3]], [0.0, 3.1, 7.5, 5.2]
    >>> model = fastreg.TweedieRegressor(power=1.5, alpha=0.1).fit(X, y)
    >>> model.coef_.round(3), model.predict([[5, 3]]).round(1)
    (array([0.546, 0.965]), array([9.3]))
    """

    _parameter_constraints = {
        **OneAlpha._parameter_constraints,
        "power": [Interval(Real, None, None, closed="neither")],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    def __init__(
        self,
        *,
        power=0.0,
        alpha=1.0,
        fit_intercept=True,
        link="auto",
        solver="lbfgs",
        max_iter=100,
        tol=1e-4,
        warm_start=False,
        verbose=0,
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
        self.power = power
        self.link = link
