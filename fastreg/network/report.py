"""Whether the gradient reaches the layers nearest the input, and what keeps it from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg.network.calculus import Objective
from fastreg.network.layers import Layout

Array = np.ndarray
VANISHING, EXPLODING = 0.6, 1.6  # gain of the signal from layer to layer, q
PLATEAU, LITTLE = 0.02, 0.5  # shares of the variance of y that are explained
_SATURATED, _DEAD = 0.01, 1e-12  # φ′ beside its largest value; of a unit on every row
_MANY = 0.3  # share of saturated or dead units that is told
_SMALL = 0.75  # rms of W times √fan-in below which tanh and relu shrink the signal
_COLLAPSED = 0.05  # likewise, where the penalty has had the time to do it


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The network at one step; (L,) a weight matrix, (H,) a hidden layer, from the input on."""

    step: int
    delta_rms: Array
    activation_rms: Array
    data_gradient: Array
    penalty_gradient: Array
    update_ratio: Array
    weight_scale: Array
    saturated: Array
    dead: Array
    explained: float

    @property
    def vanishing_ratio(self) -> float:
        """R = ‖δ_1‖/‖δ_H‖: the signal at the first hidden layer beside that at the last."""
        first, last = self.delta_rms[0], self.delta_rms[max(len(self.saturated) - 1, 0)]
        if last > 0:
            return float(first / last)
        return 0.0 if self.explained < LITTLE else float("nan")  # no signal, or no error

    @property
    def gain(self) -> float:
        """q = R^(1/(H − 1)), of each step back; NaN with fewer than two hidden layers."""
        H = len(self.saturated)
        return self.vanishing_ratio ** (1.0 / (H - 1)) if H > 1 else float("nan")

    @property
    def depth_scale(self) -> float:
        """Layers over which the signal changes by a factor e: 1/│ln q│."""
        q = self.gain
        return float("nan") if np.isnan(q) or q == 0 else float(1.0 / max(abs(np.log(q)), 1e-300))


def look(
    objective: Objective, theta: Array, *, step: int = 0, update: Array | None = None
) -> Snapshot:
    """A `Snapshot`, in NumPy and float64.

    Parameters
    ----------
    update : what the last step added to θ, or None if that is not known
    """
    theta = theta.astype(float)
    layout, L = objective.layout, objective.layout.depth
    A, deltas = objective.signals(theta)
    data, penalty = (layout.split(each)[0] for each in objective.gradients(theta))
    W = layout.split(theta)[0]
    slopes = [_relative_slope(objective.activation, a) for a in A[1:-1]]
    norms = np.array([np.linalg.norm(w) for w in W])
    steps = np.full(L, np.nan)
    if update is not None:
        moved = [np.linalg.norm(u) for u in layout.split(update.astype(float))[0]]
        steps = np.array(moved) / np.where(norms > 0, norms, np.nan)
    error, spread = A[-1] - objective.Y, objective.Y - objective.Y.mean(axis=0)
    variance = float(np.sum(spread * spread))
    bias = error.mean(axis=0)
    return Snapshot(
        step=step,
        delta_rms=np.array([_rms(d * len(d)) for d in deltas]),
        activation_rms=np.array([_rms(a) for a in A[1:]]),
        data_gradient=np.array([np.linalg.norm(g) for g in data]),
        penalty_gradient=np.array([np.linalg.norm(g) for g in penalty]),
        update_ratio=steps,
        weight_scale=np.array([_rms(w) * np.sqrt(w.shape[0]) for w in W]),
        saturated=np.array([np.mean(s < _SATURATED) for s in slopes]),
        dead=np.array([np.mean(np.all(s < _DEAD, axis=0)) for s in slopes]),
        explained=1.0 - float(np.sum((error - bias) ** 2)) / variance if variance else 1.0,
    )


def _rms(A: Array) -> float:
    largest = float(np.abs(A).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((A / largest) ** 2))) if largest > 0 else 0.0


def _relative_slope(name: str, A: Array) -> Array:
    """φ′ over its largest value. A relu is dead where it is zero, never saturated by half."""
    if name == "tanh":
        return 1.0 - A * A
    if name == "logistic":
        return 4.0 * A * (1.0 - A)
    return (A > 0).astype(float) if name == "relu" else np.ones_like(A)


@dataclass(frozen=True, eq=False)
class GradientReport:
    """Report whether the training signal of a network vanishes or explodes.

    `MLPRegressor` keeps one in `gradient_report_`; `gradient_report` makes one.

    Attributes
    ----------
    history : list of Snapshot
        Snapshots of the network; the last is the present.
    activation : str
        Activation of the hidden layers.
    decay : float
        Number λη·steps/m. Above 0.5 the penalty had the time to shrink the weights. Infinite if it
        is not known.

    See Also
    --------
    gradient_report : Report the training signal on other data.

    Notes
    -----
    The signal δ_l is the derivative of the loss by Z_l. With H hidden layers::

        R = ‖δ_1‖/‖δ_H‖,   q = R^(1/(H − 1))

    Examples
    --------
    >>> import numpy as np, warnings
    >>> from fastreg.network import MLPRegressor, gradient_report
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> y = X[:, 0] * X[:, 1]
    >>> net = MLPRegressor((8,) * 6, activation="logistic", solver="gd", max_iter=5, tol=0,
    ...                    lam=0, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the fit warns of the same
    ...     report = gradient_report(net.fit(X, y), X, y)
    >>> report.gain < 0.6, report.findings[0][0]
    (True, 'each logistic layer multiplies the signal by φ′ ≤ ¼')
    """

    history: list[Snapshot]
    activation: str
    decay: float = field(default=0.0)

    @property
    def last(self) -> Snapshot:
        """Snapshot of the network at present."""
        return self.history[-1]

    @property
    def vanishing_ratio(self) -> float:
        """Ratio R of the signal at the first hidden layer to that at the last."""
        return self.last.vanishing_ratio

    @property
    def gain(self) -> float:
        """Gain q of the signal in each layer.

        Below 0.6 the signal vanishes; above 1.6 it explodes.
        """
        return self.last.gain

    @property
    def findings(self) -> list[tuple[str, str]]:
        """Pairs (cause, remedy), the likeliest first; empty if nothing is wrong."""
        if self.on_plateau and not self._causes():
            return [("the predictions are nearly constant", "standardise X and y, train longer")]
        return self._causes()

    def _causes(self) -> list[tuple[str, str]]:
        """What is wrong with the signal."""
        now, out = self.last, []
        q = now.gain
        hidden = now.weight_scale[:-1] if len(now.weight_scale) > 1 else now.weight_scale
        if self.decay > 0.5 and len(now.saturated) and np.median(hidden) < _COLLAPSED:
            out.append(("the penalty has pulled the weights to zero", "lower lam, to 0 at first"))
        elif len(now.saturated) and now.saturated.max() > _MANY and self.activation != "relu":
            out.append(
                ("units are saturated: their φ′ is near zero",
                 'standardise X, take init="auto" and a smaller learning_rate, or raise lam')
            )  # fmt: skip
        elif q < VANISHING and self.activation == "logistic":
            out.append(
                ("each logistic layer multiplies the signal by φ′ ≤ ¼",
                 'take solver="lbfgs", best with activation="tanh"; where many layers are needed, '
                 'gradient_penalty="omega" with clip_norm=1.0')
            )  # fmt: skip
        elif q < VANISHING and np.median(hidden) < _SMALL:
            out.append(
                ("the weights are small: each layer shrinks the signal",
                 'take init="orthogonal" or "auto", or gradient_penalty="orthogonal"')
            )  # fmt: skip
        elif q < VANISHING:
            out.append(
                ("the signal shrinks from layer to layer",
                 'take fewer layers, init="orthogonal" or gradient_penalty="omega", clip_norm=1.0')
            )  # fmt: skip
        if len(now.dead) and now.dead.max() > _MANY and self.activation == "relu":
            out.append(
                ("relu units are dead: zero on every row",
                 'take init="he" and a smaller learning_rate, or activation="tanh"')
            )  # fmt: skip
        if q > EXPLODING:
            out.append(
                ("the signal grows from layer to layer",
                 'take init="auto", clip_norm=1.0, or raise lam')
            )  # fmt: skip
        return out

    @property
    def on_plateau(self) -> bool:
        """Whether the network explains less than 2 % of the variance of y."""
        return self.last.explained < PLATEAU

    @property
    def is_stuck(self) -> bool:
        """Whether training has come to a halt.

        That is so if the network explains little and its signal vanishes. It is so as well on a
        plateau with a known cause.
        """
        weak = self.gain < VANISHING and self.last.explained < LITTLE
        return weak or (self.on_plateau and bool(self._causes()))

    def summary(self) -> str:
        """Describe each layer, the likely cause of a fault and its remedy.

        Returns
        -------
        str
            A table with one line for each layer, then the findings.
        """
        now, H = self.last, len(self.last.saturated)
        lines = [
            f"step {now.step}: R = ‖δ₁‖/‖δ_{max(H, 1)}‖ = {now.vanishing_ratio:.3g}, gain a layer "
            f"q = {now.gain:.3g}, depth scale {now.depth_scale:.3g} layers, "
            f"{max(now.explained, 0.0):.1%} of the variance explained",
            f"{'layer':>6}{'δ rms':>11}{'act. rms':>11}{'‖∇ data‖':>11}{'‖∇ pen.‖':>11}"
            f"{'update':>10}{'saturated':>11}{'dead':>7}",
        ]
        for l in range(len(now.delta_rms)):
            name = str(l + 1) if l < H else "output"
            update = "–" if np.isnan(now.update_ratio[l]) else f"{now.update_ratio[l]:.1e}"
            shares = (
                f"{now.saturated[l]:11.0%}{now.dead[l]:7.0%}" if l < H else f"{'–':>11}{'–':>7}"
            )
            lines.append(
                f"{name:>6}{now.delta_rms[l]:11.2e}{now.activation_rms[l]:11.2e}"
                f"{now.data_gradient[l]:11.2e}{now.penalty_gradient[l]:11.2e}"
                f"{update:>10}{shares}"
            )
        if not self.findings:
            lines.append("Nothing stands out: the signal reaches every layer.")
        lines += [f"Likely cause: {cause}. Remedy: {remedy}." for cause, remedy in self.findings]
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw the signal of each layer.

        Pale lines are earlier snapshots; the strong one is the last.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from fastreg import plots

        ax = plots.axes(ax)
        shown = self.history if len(self.history) < 12 else self.history[:: len(self.history) // 11]
        if shown[-1] is not self.last:
            shown = [*shown, self.last]
        H = max(len(self.last.saturated), 1)
        for k, each in enumerate(shown):
            front = each is self.last
            ax.plot(
                np.arange(1, H + 1), each.delta_rms[:H], marker="o", ms=4 if front else 3,
                lw=2.0 if front else 1.0, alpha=1.0 if front else 0.25 + 0.5 * k / len(shown),
                color="#b3441e" if front else "#8a8a8a", label=f"step {each.step}",
            )  # fmt: skip
        ax.set_yscale("log")
        ax.set_xlabel("hidden layer, from the input")
        ax.set_ylabel("RMS of the signal δ")
        ax.set_title(f"R = {self.vanishing_ratio:.2g}, q = {self.gain:.2g} a layer", loc="left")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        if len(shown) > 1:
            ax.legend(frameon=False, fontsize=8)
        return ax


def gradient_report(model: Any, X: Any, y: Any, sample_weight: Any = None) -> GradientReport:
    """Report the training signal of a fitted network on any data.

    Networks of scikit-learn work too: the model needs `coefs_`, `intercepts_` and `activation`.

    Parameters
    ----------
    model : MLPRegressor
        Fitted network.
    X : array-like of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows, at least 0. None means a weight of 1 for all.

    Returns
    -------
    GradientReport
        The report.

    Raises
    ------
    ValueError
        X or y does not have the shape that the network takes.

    See Also
    --------
    MLPRegressor : Fit a network.

    Examples
    --------
    >>> import numpy as np, warnings
    >>> from fastreg.network import MLPRegressor, gradient_report
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> y = X[:, 0] * X[:, 1]
    >>> net = MLPRegressor((8,) * 6, activation="logistic", solver="gd", max_iter=5, tol=0,
    ...                    lam=0, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the fit warns of the same
    ...     report = gradient_report(net.fit(X, y), X, y)
    >>> report.gain < 0.6, report.findings[0][0]
    (True, 'each logistic layer multiplies the signal by φ′ ≤ ¼')
    """
    X = np.atleast_2d(np.asarray(X, float))
    Y = np.asarray(y, float)
    Y = Y[:, None] if Y.ndim == 1 else Y
    W = [np.asarray(each, float) for each in model.coefs_]
    layout = Layout((W[0].shape[0], *(each.shape[1] for each in W)))
    if X.shape[1] != layout.sizes[0]:
        raise ValueError(f"X has {X.shape[1]} features, the network takes {layout.sizes[0]}")
    if Y.shape != (len(X), layout.sizes[-1]):
        raise ValueError(f"y must be ({len(X)}, {layout.sizes[-1]}), got {Y.shape}")
    weights = None if sample_weight is None else np.asarray(sample_weight, float)
    lam = np.broadcast_to(getattr(model, "lam", getattr(model, "alpha", 0.0)), len(W))
    l2 = (1.0 - getattr(model, "l1_ratio", 0.0)) * lam
    objective = Objective(X, Y, weights, layout, model.activation, l2)
    theta = layout.join(W, [np.asarray(each, float) for each in model.intercepts_])
    now = look(objective, theta, step=int(getattr(model, "t_", 0)))
    decay = getattr(getattr(model, "gradient_report_", None), "decay", float("inf"))
    return GradientReport([now], model.activation, decay if np.any(lam > 0) else 0.0)
