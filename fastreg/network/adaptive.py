"""Choosing λ of a network: by cross-validation of a grid, or along the hypergradient.

    V(λ) = 1/(2 m_v) Σ ‖h_θ(λ)(x) − y‖² over rows held out,   θ(λ) = argmin J
    (∇²J) z = ∇V,   dV/dλ_l = −⟨z, W_l⟩ (1 − ρ)/M

(Larsen, Svarer, Andersen & Hansen 1998.) z by conjugate gradients on exact products with the
Hessian: Gauss–Newton's in its place turn the hypergradient by more than 60 degrees. λ moves in
log λ by RProp (Riedmiller & Braun 1993), which looks at signs alone.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from fastreg._warnings import warn_of_convergence
from fastreg.design import as_weights
from fastreg.linear_model.routing import routed, router, splits_of
from fastreg.linear_model.state import atomic
from fastreg.network.calculus import Objective
from fastreg.network.estimator import MLPRegressor, check_parameters, hidden_layers, make_problem
from fastreg.network.layers import Layout, initial
from fastreg.network.training import lbfgs
from fastreg.selection.folds import check_weights

Array = np.ndarray
_UP, _DOWN, _FIRST, _LAST, _LONGEST = 1.2, 0.5, 0.7, 0.02, 1.5  # RProp's steps in log λ
_BOUNDS = (1e-8, 1e6)
_ALIVE = 1e-4  # largest weight of a layer below which it stays at zero, whatever λ
_CG, _POLISH = 1e-10, 5  # relative residual of z; Newton steps at the end


def minimum(objective: Objective, theta: Array, tol: float = 1e-10) -> Array:
    """The stationary point of a smooth J near `theta`, to max|∇J| ≤ tol where float64 allows it:
    Newton's method on exact Hessian products within a trust region, then without J, whose last
    digits no longer tell one θ from the next."""
    from scipy.optimize import minimize

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a step of no reduction at the end
        found = minimize(
            objective.value,
            theta,
            jac=objective.gradient,
            hessp=objective.times_hessian,
            method="trust-ncg",
            options={"gtol": tol, "maxiter": 200},
        )
    theta, g = found.x, objective.gradient(found.x)
    for _ in range(_POLISH):
        new = theta - _solve(objective, theta, g)
        after = objective.gradient(new)
        if np.abs(g).max() <= tol or not np.abs(after).max() < 0.5 * np.abs(g).max():
            break
        theta, g = new, after
    return np.asarray(theta)


def _solve(objective: Objective, theta: Array, right: Array) -> Array:
    """(∇²J)⁻¹ right, by conjugate gradients."""
    from scipy.sparse.linalg import LinearOperator, cg

    p = len(theta)
    H = LinearOperator((p, p), matvec=lambda v: objective.times_hessian(theta, v), dtype=float)
    return np.asarray(cg(H, right, rtol=_CG, atol=0.0, maxiter=10 * p)[0])


def hypergradient(objective: Objective, theta: Array, held_out: Objective) -> Array:
    """(L,): dV/dλ of each weight matrix at a minimum of J, for l1_ratio = 0."""
    z = _solve(objective, theta, held_out.gradients(theta)[0])
    pairs = zip(*(objective.layout.split(each)[0] for each in (z, theta)), strict=True)
    return -np.array([np.sum(a * b) for a, b in pairs]) / objective.total


class Step(NamedTuple):
    """Of the way of λ: λ (L,), V, dV/d log λ."""

    lam: Array
    value: float
    slope: Array


class MLPRegressorCV(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Fit a neural network, with the penalty chosen by held-out errors.

    Parameters
    ----------
    lams : array-like of shape (n_lams,), default=(1e-3, 0.01, 0.1, 1.0, 10.0, 100.0)
        Strengths to try, above 0. "adaptive" starts from their geometric mean.
    estimator : MLPRegressor or None, default=None
        Network with all other parameters. None means the defaults. "adaptive" needs ``l1_ratio=0``
        and no `gradient_penalty`, and ignores the solver.
    method : {"grid", "adaptive"}, default="grid"
        "grid" takes the least mean squared error over the folds. "adaptive" follows the exact
        gradient of the held-out error.
    per_layer : bool, default=False
        Whether to choose a strength for each weight matrix. A small held-out set cannot settle so
        many.
    cv : int, splitter, iterable or None, default=None
        Folds of the cross-validation. An iterable yields pairs (training rows, test rows). None
        means 5 folds. "adaptive" holds out the first fold.
    max_iter : int, default=40
        Largest number of steps of "adaptive".
    random_state : int, RandomState instance or None, default=None
        Seed of the networks.

    Attributes
    ----------
    lam_ : float or ndarray of shape (n_layers - 1,)
        Chosen strength, or strengths.
    best_estimator_ : MLPRegressor
        Network fitted to all rows.
    mse_path_ : ndarray of shape (n_lams, n_folds)
        Mean squared error of each fold. Set by "grid".
    history_ : list of Step
        Steps (lam, value, slope) of the search. Set by "adaptive".
    converged_ : bool
        Whether the steps of "adaptive" became short; True for "grid".
    n_iter_ : int
        Number of epochs of `best_estimator_`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.

    See Also
    --------
    MLPRegressor : Fit one penalty.

    Notes
    -----
    Each fit minimises the objective of `MLPRegressor`. The method "adaptive" follows the derivative
    of the held-out error V at the minimum θ of J::

        dV/dλ = −(∂∇J/∂λ)ᵀ (∇²J)⁻¹ ∇V

    Examples
    --------
    >>> import numpy as np
    >>> from fastreg.network import MLPRegressor, MLPRegressorCV
    >>> X = np.random.default_rng(0).standard_normal((60, 2))
    >>> y = np.sin(X[:, 0]) + 0.3 * np.random.default_rng(1).standard_normal(60)
    >>> net = MLPRegressor((4,), activation="tanh", solver="lbfgs", max_iter=500)
    >>> model = MLPRegressorCV(estimator=net, method="adaptive", random_state=0).fit(X, y)
    >>> bool(model.history_[-1].value <= model.history_[0].value)
    True
    """

    lam_: Any
    best_estimator_: MLPRegressor
    n_iter_: int
    mse_path_: Array
    history_: list[Step]
    converged_: bool
    n_features_in_: int
    feature_names_in_: Array

    def __init__(
        self,
        lams=(1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0),
        *,
        estimator=None,
        method="grid",
        per_layer=False,
        cv=None,
        max_iter=40,
        random_state=None,
    ) -> None:
        self.lams = lams
        self.estimator = estimator
        self.method = method
        self.per_layer = per_layer
        self.cv = cv
        self.max_iter = max_iter
        self.random_state = random_state

    @atomic()
    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the strength, then fit to all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features. Float32 stays float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.
        **params : dict
            Arguments of the splitter, such as `groups`. With scikit-learn's metadata routing,
            whatever the splitter requests.

        Returns
        -------
        MLPRegressorCV
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter is out of range or does not go with another, or X or y is not finite.

        Warns
        -----
        ConvergenceWarning
            A network or the search ended before it converged.
        """
        lams = self._check_params()
        model = MLPRegressor() if self.estimator is None else clone(self.estimator)
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        weights = as_weights(sample_weight, len(X))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model.set_params(random_state=seed)
        check_parameters(model)
        splits = splits_of(self.cv, X, y, routed(self, sample_weight, params)[0])
        splits = splits if self.method == "grid" else splits[:1]
        check_weights(weights, splits)
        choose = self._by_grid if self.method == "grid" else self._along
        self.lam_ = choose(model, lams, X, y, weights, splits)
        self.best_estimator_ = model.set_params(lam=self.lam_).fit(X, y, sample_weight=weights)
        self.n_iter_ = self.best_estimator_.n_iter_
        return self

    def _check_params(self) -> Array:
        """`lams` (Q,); ValueError names the parameter that is not acceptable."""
        if self.estimator is not None and not isinstance(self.estimator, MLPRegressor):
            raise ValueError(f"estimator must be an MLPRegressor, got {self.estimator!r}")
        lams = np.asarray(self.lams, float)
        if lams.ndim != 1 or not len(lams) or not np.isfinite(lams).all() or lams.min() <= 0:
            raise ValueError(f"lams must be numbers above 0, got {self.lams!r}")
        if self.method not in ("grid", "adaptive"):
            raise ValueError(f'method must be "grid" or "adaptive", got {self.method!r}')
        if self.per_layer and self.method == "grid":
            raise ValueError('per_layer=True needs method="adaptive", got "grid"')
        return lams

    def get_metadata_routing(self) -> Any:
        """Return what `fit` passes to the splitter and the scorer.

        See scikit-learn's guide to metadata routing.

        Returns
        -------
        MetadataRouter
            The requests of `fit`.
        """
        return router(self, splitter=self.cv)

    def _by_grid(self, model, lams, X, y, weights, splits):
        """Each fold goes up the grid, a fit from the last one's answer: downwards all would stay at
        zero, a stationary point of J, once a strong penalty has brought them there."""
        errors = np.empty((len(lams), len(splits)))
        for f, (train, test) in enumerate(splits):
            each = clone(model).set_params(warm_start=True)
            for q in np.argsort(lams):
                each.set_params(lam=float(lams[q]))
                w = None if weights is None else weights[train]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)  # the last fit tells
                    each.fit(X[train], y[train], sample_weight=w)
                squares = (each.predict(X[test]) - y[test]) ** 2
                squares = squares if squares.ndim == 1 else squares.sum(axis=1)
                errors[q, f] = np.average(squares, weights=None if w is None else weights[test])
        self.mse_path_, self.history_, self.converged_ = errors, [], True
        return float(lams[np.argmin(errors.mean(axis=1))])

    def _along(self, model, lams, X, y, weights, splits):
        if model.l1_ratio or model.gradient_penalty is not None:
            raise ValueError('method="adaptive" needs l1_ratio=0 and gradient_penalty=None')
        Y = y[:, None] if y.ndim == 1 else y
        layout = Layout((X.shape[1], *hidden_layers(model.hidden_layer_sizes), Y.shape[1]))
        train, test = splits[0]
        some = None if weights is None else weights[train]
        if some is not None:
            train, some = train[some > 0], some[some > 0]
        rest = None if weights is None else weights[test]
        held_out = Objective(X[test], Y[test], rest, layout, model.activation,
            np.zeros(layout.depth))  # fmt: skip
        theta = initial(layout, model.activation, model.init, check_random_state(
            model.random_state))  # fmt: skip
        first, L = theta, layout.depth
        log = np.full(L if self.per_layer else 1, np.log(lams).mean())
        step, before = np.full(len(log), _FIRST), np.zeros(len(log))
        history: list[Step] = []
        for _ in range(self.max_iter):
            lam = np.broadcast_to(np.exp(log), L)
            problem = make_problem(model, layout, X[train], Y[train], some, lam)
            alive = all(np.abs(each).max() > _ALIVE
                        for each in layout.split(theta)[0])  # fmt: skip
            theta, *_ = lbfgs(
                problem, theta if alive else first, tol=1e-6, max_iter=model.max_iter
            )  # fmt: skip
            objective = problem.referee()
            theta = minimum(objective, theta)
            found = hypergradient(objective, theta, held_out) * lam
            slope = found if self.per_layer else found.sum(keepdims=True)
            value = 0.5 * float(
                np.sum(held_out.share * (held_out.forward(theta)[-1] - Y[test]) ** 2)
            )
            history.append(Step(np.exp(log), value, slope))
            turn = slope * before
            step = np.clip(np.where(turn < 0, _DOWN, np.where(turn > 0, _UP, 1.0)) * step, 0.0,
                           _LONGEST)  # fmt: skip
            if step.max() < _LAST or not slope.any():
                break
            before = np.where(turn < 0, 0.0, slope)
            log = np.clip(log - np.sign(slope) * step, *np.log(_BOUNDS))
        self.history_, self.converged_ = history, bool(step.max() < _LAST or not slope.any())
        if not self.converged_:
            warn_of_convergence(
                f"lam moved by a factor of {np.exp(step.max()):.2f} in the last of "
                f"{self.max_iter} steps, {np.exp(_LAST):.2f} was asked; raise max_iter"
            )
        best = min(history, key=lambda each: each.value).lam
        return best if self.per_layer else float(best[0])

    def predict(self, X: Any) -> Array:
        """Predict the targets of new rows by `best_estimator_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with the features of the fit.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict(validate_data(self, X, reset=False, dtype=np.float64))
