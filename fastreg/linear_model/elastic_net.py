"""`ElasticNet` and `Lasso`."""

from __future__ import annotations

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from fastreg.linear_model.base import LinearRegressor, check_finite_params, elastic_net_objective
from fastreg.linear_model.opening import opens_sources
from fastreg.linear_model.state import atomic
from fastreg.paths import enet_path, lasso_path


class ElasticNet(LinearRegressor):
    """Least squares with an L1 and a ridge penalty, certified.

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²

    Parameters
    ----------
    alpha : float ≥ 0, strength of the penalty
    l1_ratio : float in [0, 1], share of L1
    fit_intercept : bool, whether b is free; it is never penalised
    max_iter : int, epochs of coordinate descent (a Newton step counts as one)
    tol : float ≥ 0
        Certified relative gap to reach: P(w, b) − min P ≤ tol·‖y − ȳ‖²/(2m). 0 runs to
        working precision. Without a penalty no gap can be known: then the KKT residual, the
        largest slope left over the largest at w = 0, is to be min(tol, 1e-7).
    warm_start : bool, start from `coef_` of the last fit
    positive : bool, require w ≥ 0
    precompute, copy_X, random_state, selection
        Accepted so that code written for scikit-learn runs; without effect. X is never
        copied and never changed.

    Attributes
    ----------
    coef_ : (n,) or (k, n) float64
    intercept_ : float or (k,)
    dual_gap_ : float or (k,), certified bound on P(w, b) − min P
    certificate_ : `fastreg.Certificate`: relative gap, KKT residual, method, passes over X
    n_iter_ : int, epochs used, or a list of one a target
    n_features_in_, feature_names_in_

    Notes
    -----
    `ElasticNet.path` is `fastreg.enet_path`, and `Lasso.path` is `fastreg.lasso_path`.

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
    ):
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
    def fit(self, X, y=None, sample_weight=None, check_input=True):
        """Fit to X (m, n), y (m,) or (m, k), and weights (m,) ≥ 0 or None; or to what
        `fastreg.read` takes. `check_input` is scikit-learn's: input is always checked.

        Raises
        ------
        ValueError
            A parameter, a shape or a value is not acceptable; the message names it.

        Warns
        -----
        ConvergenceWarning
            `tol` was not reached; the message has the gap reached and the gap asked.
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
    """Least squares with an L1 penalty, certified: `ElasticNet` with l1_ratio = 1.

        P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·‖w‖₁

    Parameters, attributes and errors are those of `ElasticNet`, without `l1_ratio`.

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
    ):
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
