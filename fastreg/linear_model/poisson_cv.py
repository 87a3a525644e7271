"""`PoissonRegressorCV`: choose alpha and l1_ratio by cross-validation."""

from __future__ import annotations

from fastreg.linear_model.regressors_cv import ChoosesAlpha
from fastreg.losses import Poisson


class PoissonRegressorCV(ChoosesAlpha):
    """Fit Poisson regression, with alpha and l1_ratio chosen by cross-validation.

    Each training set gets a path of all alphas, and each fit has a certificate. The mean deviance
    of held-out rows decides. X is never copied.

    Parameters
    ----------
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
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    PoissonRegressor : Fit one alpha.
    AdaptivePoissonRegressor : Choose one alpha for each group of features.

    Notes
    -----
    Each fit minimises the objective of `PoissonRegressor`::

        P(w, b) = (1/S) Σ_i s_i (exp z_i − y_i z_i)
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
    >>> X = rng.standard_normal((500, 10))
    >>> y = rng.poisson(np.exp(X[:, 0] - 0.5 * X[:, 1]))
    >>> model = fastreg.PoissonRegressorCV(l1_ratio=1.0, alphas=30, rule="1se").fit(X, y)
    >>> model.deviance_path_.shape, np.flatnonzero(model.coef_)
    ((30, 5), array([0, 1]))
    """

    _loss = Poisson()
    _ratio = "rate ratio"
