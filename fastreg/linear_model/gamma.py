"""`GammaRegressor`."""

from __future__ import annotations

from fastreg.linear_model.regressors import OneAlpha
from fastreg.losses import Gamma


class GammaRegressor(OneAlpha):
    """Fit Gamma regression of amounts with an L1 and a ridge penalty.

    The logarithm of the mean is linear in the features, and the standard deviation is a share of
    the mean. Every fit has a certificate, which bounds its distance from the minimum.

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
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    GammaRegressorCV : Choose alpha and l1_ratio by cross-validation.
    TweedieRegressor : Fit amounts of which some are zero.
    path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = (1/S) Σ_i s_i (z_i + y_i exp(−z_i))
                  + alpha Σ_j f_j (l1_ratio·|w_j| + ½(1 − l1_ratio)·w_j²),   z = o + b + Xw

    S is the sum of the sample weights s. o are the offsets and f the factors `penalty_factor`. The
    loss is half the mean deviance, less a term of y alone. It is scikit-learn's objective. y must
    be above 0. The KKT residual is the largest slope of P that is left, divided by the largest at w
    = 0.

    Examples
    --------
    >>> import fastreg
    >>> X, y = [[1, 2], [2, 3], [3, 4], [4, 3]], [19.0, 26.0, 33.0, 30.0]
    >>> model = fastreg.GammaRegressor(alpha=0.0).fit(X, y)
    >>> model.coef_.round(3), model.predict([[5, 3]]).round(1)
    (array([0.084, 0.192]), array([32.6]))
    """

    _loss = Gamma()
