"""`ElasticNet` and `Lasso`."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.linear_model.base import LinearRegressor, check_finite_params, elastic_net_objective
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.paths import enet_path, lasso_path


class ElasticNet(LinearRegressor):
    """Fit linear regression with an L1 and a ridge penalty.

    Every fit has a certificate, which bounds its distance from the minimum.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, at least 0.
    l1_ratio : float, default=0.5
        Share of the L1 penalty, from 0 (ridge) to 1 (lasso).
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    precompute : object, default=False
        Ignored. It exists for compatibility with scikit-learn.
    max_iter : int, default=1000
        Largest number of epochs of coordinate descent. A Newton step counts as one.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·‖y −
        ȳ‖²/(2m). With 0 it runs to working precision. Without a penalty there is no gap; then the
        KKT residual must fall to min(tol, 1e-7).
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    selection : str, default="cyclic"
        Ignored. It exists for compatibility with scikit-learn.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients w.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int or list of int
        Number of epochs; a list has one entry for each target.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    ElasticNetCV : Choose alpha and l1_ratio by cross-validation.
    fastreg.path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²

    m is n_samples. With sample weights the squares are weighted, and m is the sum of the weights.
    The KKT residual is the largest slope of P that is left, divided by the largest at w = 0. The
    duality gap bounds P(w, b) − min P from above [1]_.

    The static method `path` is `fastreg.enet_path`.

    References
    ----------
    .. [1] Kim S.-J., Koh K., Lustig M., Boyd S., Gorinevsky D., "An interior-point method for
       large-scale l1-regularized least squares", IEEE J. Sel. Top. Signal Process. 1, 2007.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]), np.array([0.0, 1.0, 2.0])
    >>> model = fastreg.ElasticNet(alpha=0.1).fit(X, y)
    >>> model.coef_.round(4)
    array([0.8605, 0.    ])
    >>> bool(model.certificate_.relative_gap[0] <= model.tol)
    True
    """

    path = staticmethod(enet_path)
    _streams = True
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "precompute": ["boolean", "array-like"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "copy_X": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "positive": ["boolean"],
        "random_state": ["random_state"],
        "selection": [StrOptions({"cyclic", "random"})],
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        precompute=False,
        max_iter=1000,
        copy_X=True,
        tol=1e-4,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    @atomic("coef_")
    @opens_sources
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, check_input: Any = True
    ) -> Self:
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Data frames, and whatever else `fastreg.read` takes, work too.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets. None where X is a source, which has them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        check_input : bool, default=True
            Ignored. Input is always checked.

        Returns
        -------
        ElasticNet or Lasso
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is wrong. The message names it.

        Warns
        -----
        ConvergenceWarning
            The fit did not reach `tol`. The message states both gaps.
        """
        self._validate_params()
        check_finite_params(self)
        l1_ratio = getattr(self, "l1_ratio", 1.0)
        return self._fit(
            X,
            y,
            sample_weight,
            l2=self.alpha * (1.0 - l1_ratio),
            l1=float(self.alpha * l1_ratio),
        )

    def _steps(self, n_iter, n_targets):
        return n_iter if n_targets == 1 else [n_iter] * n_targets

    def _fitted_objective(self, weights, m):
        ratio = getattr(self, "l1_ratio", 1.0)
        return elastic_net_objective(self.alpha, ratio, weights, self.fit_intercept)


class Lasso(ElasticNet):
    """Fit linear regression with an L1 penalty.

    Every fit has a certificate, which bounds its distance from the minimum. `Lasso` is `ElasticNet`
    with ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept. It is never penalised.
    precompute : object, default=False
        Ignored. It exists for compatibility with scikit-learn.
    copy_X : bool, default=True
        Ignored. X is never copied and never changed.
    max_iter : int, default=1000
        Largest number of epochs of coordinate descent. A Newton step counts as one.
    tol : float, default=1e-4
        Relative duality gap to reach, at least 0: the fit stops when P(w, b) − min P ≤ tol·‖y −
        ȳ‖²/(2m). With 0 it runs to working precision. Without a penalty there is no gap; then the
        KKT residual must fall to min(tol, 1e-7).
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    positive : bool, default=False
        Whether to require coefficients of at least 0.
    random_state : object, default=None
        Ignored. It exists for compatibility with scikit-learn.
    selection : str, default="cyclic"
        Ignored. It exists for compatibility with scikit-learn.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients w.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept b; 0.0 with ``fit_intercept=False``.
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certified bound on the objective less its minimum.
    certificate_ : Certificate
        How near the fit is to its minimum.
    n_iter_ : int or list of int
        Number of epochs; a list has one entry for each target.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.
    encoding_ : Encoding
        How the columns of a table became features. Set by a fit to a table.

    See Also
    --------
    LassoCV : Choose alpha by cross-validation.
    fastreg.path : Fit many strengths at once.

    Notes
    -----
    The fit minimises::

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·‖w‖₁

    m is n_samples. With sample weights the squares are weighted, and m is the sum of the weights.
    The KKT residual is the largest slope of P that is left, divided by the largest at w = 0. The
    duality gap bounds P(w, b) − min P from above [1]_.

    The static method `path` is `fastreg.lasso_path`.

    References
    ----------
    .. [1] Kim S.-J., Koh K., Lustig M., Boyd S., Gorinevsky D., "An interior-point method for
       large-scale l1-regularized least squares", IEEE J. Sel. Top. Signal Process. 1, 2007.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]), np.array([0.0, 1.0, 2.0])
    >>> fastreg.Lasso(alpha=0.1).fit(X, y).coef_.round(4)
    array([0.85, 0.  ])
    """

    path = staticmethod(lasso_path)
    _parameter_constraints = {
        name: constraint
        for name, constraint in ElasticNet._parameter_constraints.items()
        if name != "l1_ratio"
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        precompute=False,
        copy_X=True,
        max_iter=1000,
        tol=1e-4,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
