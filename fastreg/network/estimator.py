"""`MLPRegressor`: the network behind scikit-learn's surface, with J's scale."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from fastreg._jit import single_threaded_blas
from fastreg._progress import draw_bar
from fastreg._warnings import warn_of_convergence
from fastreg.design import as_weights
from fastreg.linear_model.state import atomic
from fastreg.network.calculus import forward
from fastreg.network.layers import ACTIVATIONS, INITS, Layout, initial
from fastreg.network.report import GradientReport, Snapshot, look
from fastreg.network.training import Problem, Trainer, lbfgs

Array = np.ndarray
SOLVERS = ("gd", "sgd", "adam", "lbfgs")
PENALTIES = (None, "orthogonal", "omega")
_BATCH, _LOOKED_AT = 200, 1000  # rows a step with "auto"; rows of a report


class MLPRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Fit a neural network for regression.

    It reports how small the gradient of the objective is, and whether the training signal vanishes.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer. An empty sequence gives a linear model.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Activation φ of the hidden layers.
    init : {"auto", "glorot", "he", "orthogonal"} or float, default="auto"
        Start of the weights. "auto" means "he" for relu, else "glorot". A number is the standard
        deviation of a normal distribution. Biases start at 0.
    lam : float or array-like of shape (n_layers - 1,), default=1e-4
        Strength λ of the penalty, at least 0; an array has one for each weight matrix.
    l1_ratio : float, default=0.0
        Share ρ of the L1 penalty, from 0 to 1. Above 0 it needs the solver "gd" or "sgd"; weights
        then become exactly 0.
    gradient_penalty : {"orthogonal", "omega"} or None, default=None
        "orthogonal" adds β Σ ‖WᵀW − I‖² to J. "omega" adds βΩ, which keeps the length of the signal
        from one hidden layer to the one before. It needs `clip_norm`, and excludes the solver
        "lbfgs".
    gradient_weight : float, default=0.1
        Weight β of `gradient_penalty`, at least 0.
    clip_norm : float or None, default=None
        Longest gradient that a step follows, above 0. None means no limit.
    solver : {"adam", "gd", "sgd", "lbfgs"}, default="adam"
        Training algorithm. "gd" is gradient descent, with all rows in each step.
    learning_rate : float, default=1e-3
        Length η of a step, above 0.
    momentum : float, default=0.0
        Momentum of "gd" and "sgd", at least 0 and below 1: v ← momentum·v − η∇J, θ ← θ + v.
    batch_size : int, "auto" or None, default="auto"
        Number of rows in a step of "sgd" and "adam". "auto" means min(200, n_samples), and None
        means all.
    max_iter : int, default=200
        Largest number of epochs, or of steps of "lbfgs".
    tol : float, default=1e-4
        Least decrease of the loss, at least 0. Training stops after `n_iter_no_change` epochs
        without it; 0 never stops. "lbfgs" stops when no entry of ∇J exceeds it.
    n_iter_no_change : int, default=10
        Number of epochs without progress after which training stops.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their R² no longer grows, and keep the best θ.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, between 0 and 1.
    monitor : int or None, default=None
        Number of steps between two looks at the gradients. None looks only at the end.
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, of the shuffles and of the held-out rows.
    verbose : bool, default=False
        Whether to draw a progress bar on standard error.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weight matrices W_l, of shape (n_in, n_out) each.
    intercepts_ : list of ndarray
        Biases b_l, of shape (n_out,) each.
    loss_ : float
        J at the end.
    best_loss_ : float
        Least J.
    loss_curve_ : list of float
        J of each epoch, as it was during that epoch.
    stationarity_ : float
        Largest entry of the shortest subgradient of J at the result, in float64. Its code is
        independent of the training.
    gradient_report_ : GradientReport
        Training signal of each layer.
    validation_scores_ : list of float or None
        R² of the held-out rows in each epoch.
    best_validation_score_ : float or None
        Best of `validation_scores_`.
    n_iter_ : int
        Number of epochs, or of steps of "lbfgs".
    t_ : int
        Number of steps.
    n_layers_ : int
        Number of layers, with input and output.
    n_outputs_ : int
        Number of outputs.
    out_activation_ : str
        Activation of the output, "identity".
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if every column of X has a text as its name.

    See Also
    --------
    MLPRegressorCV : Choose the penalty by held-out errors.
    gradient_report : Report the training signal on other data.

    Notes
    -----
    The fit minimises::

        J(θ) = 1/(2m) Σ_i ‖h_θ(x_i) − y_i‖² + Σ_l λ_l [ (1 − ρ)/(2m) ‖W_l‖² + (ρ/m) ‖W_l‖₁ ]
        h_θ(X) = Z_L,   A_0 = X,   Z_l = A_{l−1} W_l + 1 b_lᵀ,   A_l = φ(Z_l)

    m is n_samples, or the sum of the sample weights; λ is `lam`, ρ is `l1_ratio`, and φ is
    `activation`. Biases are not penalised. For one output, λ is `alpha` of scikit-learn's network
    with ``solver="lbfgs"``. Without a hidden layer it is `alpha` of `Ridge`. For the penalty
    "omega" see [1]_.

    References
    ----------
    .. [1] Pascanu R., Mikolov T., Bengio Y., "On the difficulty of training recurrent neural
       networks", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from fastreg.network import MLPRegressor
    >>> X = np.random.default_rng(0).standard_normal((300, 2))
    >>> model = MLPRegressor((16, 16), activation="tanh", solver="lbfgs", max_iter=2000, lam=0.1,
    ...                      random_state=0).fit(X, X[:, 0] * X[:, 1])
    >>> bool(model.score(X, X[:, 0] * X[:, 1]) > 0.99), bool(model.stationarity_ < 1e-3)
    (True, True)
    """

    coefs_: list[Array]
    intercepts_: list[Array]
    loss_: float
    best_loss_: float
    loss_curve_: list[float]
    stationarity_: float
    gradient_report_: GradientReport
    validation_scores_: Any
    best_validation_score_: Any
    n_iter_: int
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: Array

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        init="auto",
        lam=1e-4,
        l1_ratio=0.0,
        gradient_penalty=None,
        gradient_weight=0.1,
        clip_norm=None,
        solver="adam",
        learning_rate=1e-3,
        momentum=0.0,
        batch_size="auto",
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        shuffle=True,
        early_stopping=False,
        validation_fraction=0.1,
        monitor=None,
        warm_start=False,
        random_state=None,
        verbose=False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.lam = lam
        self.l1_ratio = l1_ratio
        self.gradient_penalty = gradient_penalty
        self.gradient_weight = gradient_weight
        self.clip_norm = clip_norm
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.monitor = monitor
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @atomic("coefs_", "intercepts_")
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features. Float32 stays float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means a weight of 1 for all.

        Returns
        -------
        MLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            A parameter is out of range or does not go with another, or X or y is not finite.
        FloatingPointError
            Training left the range of numbers. The message states what to do.

        Warns
        -----
        ConvergenceWarning
            `max_iter` was reached. Or the network explains little and its signal vanishes; the
            message states the likely cause and a remedy.
        """
        self._check_params()
        X, Y, weights, flat = _data(self, X, y, sample_weight)
        rng = check_random_state(self.random_state)
        layout = Layout((X.shape[1], *hidden_layers(self.hidden_layer_sizes), Y.shape[1]))
        theta = self._start(layout, rng).astype(X.dtype)
        held = None
        if self.early_stopping:
            X, Y, weights, held = self._hold_out(X, Y, weights, rng)
        problem = make_problem(self, layout, X, Y, weights)
        with single_threaded_blas:
            if self.solver == "lbfgs":
                theta, outcome = self._by_lbfgs(problem, theta)
            else:
                theta, outcome = self._by_epochs(problem, theta, rng, held)
            stationarity = problem.stationarity(theta)
        self._set(problem, theta, outcome, stationarity, flat)
        self._warn()
        return self

    def _check_params(self) -> None:
        check_parameters(self)

    def _start(self, layout: Layout, rng: np.random.RandomState) -> Array:
        if self.warm_start and hasattr(self, "coefs_"):
            old = [self.coefs_[0].shape[0], *(each.shape[1] for each in self.coefs_)]
            if tuple(old) == layout.sizes:
                return layout.join(self.coefs_, self.intercepts_)
        return initial(layout, self.activation, self.init, rng)

    def _hold_out(self, X, Y, weights, rng):
        """Training rows, and those to be scored."""
        count = max(1, round(self.validation_fraction * len(X)))
        if len(X) - count < 1:
            raise ValueError(f"early_stopping needs rows to hold out, X has {len(X)}")
        order = rng.permutation(len(X))
        out, keep = np.sort(order[:count]), np.sort(order[count:])
        w = np.ones(len(X)) if weights is None else weights
        held = (X[out], Y[out], w[out])
        return X[keep], Y[keep], None if weights is None else weights[keep], held

    def _by_lbfgs(self, problem: Problem, theta: Array) -> tuple[Array, dict[str, Any]]:
        theta, steps, converged, losses = lbfgs(
            problem, theta, tol=self.tol, max_iter=self.max_iter
        )
        rows = _looked_at(problem)
        history = [look(problem.referee(rows), theta, step=steps)]
        if not losses:
            losses = [problem.referee().value(theta.astype(float))]
        return theta, {
            "losses": losses, "epochs": steps, "steps": steps, "history": history,
            "exhausted": not converged, "scores": None,
        }  # fmt: skip

    def _by_epochs(self, problem, theta, rng, held):
        m = len(problem.X)
        batch = m if self.solver == "gd" or self.batch_size is None else self.batch_size
        trainer = Trainer(
            problem, theta, adam=self.solver == "adam", learning_rate=self.learning_rate,
            momentum=self.momentum, batch=min(_BATCH, m) if batch == "auto" else int(batch),
            clip=self.clip_norm or 0.0,
        )  # fmt: skip
        objective = problem.referee(_looked_at(problem))
        history: list[Snapshot] = []

        def take() -> None:
            update = trainer.last_update() if trainer.steps else None
            history.append(look(objective, theta, step=trainer.steps, update=update))

        if self.monitor:
            take()
        rows, losses, scores = np.arange(m), [], []
        best, waited, kept, exhausted = np.inf, 0, theta, True
        for epoch in range(self.max_iter):
            if self.shuffle and trainer.batch < m:
                rng.shuffle(rows)
            squares = trainer.epoch(rows, self.monitor or 0, take)
            losses.append(problem.loss(theta, squares))
            if not np.isfinite(losses[-1]):
                raise FloatingPointError(
                    f"training left the range of numbers in epoch {epoch + 1}: lower "
                    f"learning_rate, now {self.learning_rate}, set clip_norm, or standardise X"
                )
            if self.verbose:
                draw_bar(epoch + 1, self.max_iter)
            measure = losses[-1]
            if held is not None:
                scores.append(_r2(problem, theta, *held))
                measure = -scores[-1]
            improved = measure < best - self.tol
            waited = 0 if improved else waited + 1
            if measure < best:
                best, kept = measure, theta.copy() if held is not None else theta
            if self.tol > 0 and waited >= self.n_iter_no_change:
                exhausted = False
                break
        theta[:] = kept
        if not history or history[-1].step != trainer.steps or held is not None:
            take()
        return theta, {
            "losses": losses, "epochs": len(losses), "steps": trainer.steps, "history": history,
            "exhausted": exhausted and self.tol > 0, "scores": scores if held else None,
        }  # fmt: skip

    def _set(self, problem, theta, outcome, stationarity, flat):
        weights, biases = problem.layout.split(theta)
        self.coefs_, self.intercepts_ = [w.copy() for w in weights], [b.copy() for b in biases]
        self.loss_curve_ = outcome["losses"]
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.validation_scores_ = outcome["scores"]
        self.best_validation_score_ = max(outcome["scores"]) if outcome["scores"] else None
        self.n_iter_, self.t_ = outcome["epochs"], outcome["steps"]
        self.n_layers_, self.n_outputs_ = len(weights) + 1, problem.Y.shape[1]
        self.out_activation_ = "identity"
        self.stationarity_ = stationarity
        way = np.inf if self.solver == "lbfgs" else self.learning_rate * self.t_
        largest = float(np.max(np.asarray(self.lam, float)))
        decay = way * largest / problem.total if largest > 0 else 0.0
        self.gradient_report_ = GradientReport(outcome["history"], self.activation, decay)
        self._exhausted, self._flat = outcome["exhausted"], flat

    def _warn(self) -> None:
        report, said = self.gradient_report_, []
        if self._exhausted:
            at = f"J = {self.loss_:.4g} with max|∇J| = {self.stationarity_:.1e}"
            what = (
                "no entry was to exceed" if self.solver == "lbfgs" else "J was to fall by less than"
            )
            said.append(
                f"reached {at} in {self.n_iter_} iterations, where {what} "
                f"tol={self.tol:g}: raise max_iter, now {self.max_iter}"
            )
        if report.is_stuck:
            cause, remedy = report.findings[0]
            said.append(
                f"explains {max(report.last.explained, 0.0):.1%} of the variance of y while its "
                f"signal falls to {report.vanishing_ratio:.1e} of itself on the way back to the "
                f"first layer: {cause}. Remedy: {remedy}. See gradient_report_.summary()"
            )
        if said:
            warn_of_convergence(f"MLPRegressor {'; it '.join(said)}.")

    def predict(self, X: Any) -> Array:
        """Predict the targets of new rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with the features of the fit.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions h_θ(X).
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        out = forward(self.activation, self.coefs_, self.intercepts_, X)[-1]
        return out[:, 0] if self._flat else out


def make_problem(
    model: Any, layout: Layout, X: Array, Y: Array, weights: Array | None, lam: Any = None
) -> Problem:
    """The problem of a model's parameters; `weights` of any sum."""
    lam = np.asarray(model.lam if lam is None else lam, float)
    if lam.shape not in ((), (layout.depth,)):
        raise ValueError(f"lam has {lam.size} entries for {layout.depth} weight matrices")
    lam = np.broadcast_to(lam, layout.depth)
    total = float(len(X)) if weights is None else float(weights.sum())
    even = np.ones(len(X)) if weights is None else weights * (len(X) / total)
    kind, beta = model.gradient_penalty, float(model.gradient_weight)
    return Problem(
        X, Y, even, total, layout, model.activation,
        (1.0 - model.l1_ratio) * lam, model.l1_ratio * lam,
        omega=beta if kind == "omega" else 0.0, orthogonal=beta if kind == "orthogonal" else 0.0,
    )  # fmt: skip


def hidden_layers(sizes: Any) -> tuple[int, ...]:
    """`hidden_layer_sizes` as a tuple."""
    listed = (sizes,) if _is_a(Integral, sizes) else tuple(sizes)
    if not all(_is_a(Integral, each) and each >= 1 for each in listed):
        raise ValueError(f"hidden_layer_sizes must be integers of at least 1, got {sizes!r}")
    return tuple(int(each) for each in listed)


def _is_a(kind: type, value: Any) -> bool:
    """Whether it is such a number, and no bool."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _data(model: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Array, Array, Any, bool]:
    """X and Y in one precision and C order, weights without zeros, whether y was flat."""
    X, y = validate_data(
        model, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True, y_numeric=True
    )
    weights = as_weights(sample_weight, len(X))
    flat = y.ndim == 1
    Y = np.ascontiguousarray(y[:, None] if flat else y, dtype=X.dtype)
    if weights is not None and not weights.all():
        some = weights > 0
        X, Y, weights = X[some], Y[some], weights[some]
    return X, Y, weights, flat


def _looked_at(problem: Problem) -> Array | None:
    """Rows for reports, evenly spread; None for all."""
    m = len(problem.X)
    return None if m <= _LOOKED_AT else np.arange(_LOOKED_AT) * m // _LOOKED_AT


def _r2(problem: Problem, theta: Array, X: Array, Y: Array, w: Array) -> float:
    from sklearn.metrics import r2_score

    out = forward(problem.activation, *problem.layout.split(theta), X)[-1]
    if len(Y) < 2:  # R² of one row is not defined
        return -float(np.mean((out - Y) ** 2))
    return float(r2_score(Y, out, sample_weight=w))


def check_parameters(model: Any) -> None:
    """Every parameter by its name."""

    def need(name: str, holds: bool, what: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {what}, got {getattr(model, name)!r}")

    def real(name: str) -> bool:
        return _is_a(Real, getattr(model, name)) and bool(np.isfinite(getattr(model, name)))

    def whole(name: str) -> bool:
        return _is_a(Integral, getattr(model, name)) and bool(getattr(model, name) >= 1)

    need("activation", model.activation in ACTIVATIONS, f"one of {ACTIVATIONS}")
    init = model.init
    need("init", init in INITS if isinstance(init, str) else real("init") and init >= 0,
         f"one of {INITS} or a standard deviation")  # fmt: skip
    need("solver", model.solver in SOLVERS, f"one of {SOLVERS}")
    kinds = model.gradient_penalty in PENALTIES
    need("gradient_penalty", kinds, f"one of {PENALTIES}")
    weight = real("gradient_weight") and model.gradient_weight >= 0
    need("gradient_weight", weight, "a number of at least 0")
    lam = np.asarray(model.lam)
    fits = lam.dtype.kind in "fiu" and lam.ndim <= 1 and np.isfinite(lam).all() and (lam >= 0).all()
    need("lam", bool(fits), "a number of at least 0, or one for each weight matrix")
    need("l1_ratio", real("l1_ratio") and 0 <= model.l1_ratio <= 1, "a number in [0, 1]")
    need("learning_rate", real("learning_rate") and model.learning_rate > 0, "a number above 0")
    need("momentum", real("momentum") and 0 <= model.momentum < 1, "a number in [0, 1)")
    need("tol", real("tol") and model.tol >= 0, "a number of at least 0")
    clip = model.clip_norm is None or (real("clip_norm") and model.clip_norm > 0)
    need("clip_norm", clip, "a number above 0 or None")
    batch = model.batch_size in (None, "auto") or whole("batch_size")
    need("batch_size", batch, 'an integer of at least 1, "auto" or None')
    need("max_iter", whole("max_iter"), "an integer of at least 1")
    need("n_iter_no_change", whole("n_iter_no_change"), "an integer of at least 1")
    fraction = real("validation_fraction") and 0 < model.validation_fraction < 1
    need("validation_fraction", fraction, "a number between 0 and 1")
    need("monitor", model.monitor is None or whole("monitor"), "an integer of at least 1 or None")
    if model.l1_ratio > 0 and model.solver not in ("gd", "sgd"):
        raise ValueError(
            f'l1_ratio={model.l1_ratio} needs solver="gd" or "sgd", got {model.solver!r}: the '
            "derivative of |w| does not exist at 0"
        )
    if model.gradient_penalty == "omega" and model.solver == "lbfgs":
        raise ValueError(
            'gradient_penalty="omega" is not the gradient of a function, which solver="lbfgs" '
            'needs: set solver to "adam", "sgd" or "gd"'
        )
    if model.early_stopping and model.solver == "lbfgs":
        raise ValueError('early_stopping must be False with solver="lbfgs", which has no epochs')
