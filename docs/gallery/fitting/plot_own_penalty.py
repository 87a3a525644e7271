"""
A penalty of your own
=====================

Suppose a positive effect needs proof and a negative one does not.
Then a penalty should shrink positive coefficients and leave negative ones alone.
This one-sided penalty takes eight short functions.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from fastreg import certificate, penalties
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.solvers import solve

# %%
# Solvers need its value, its slope and its prox, and what follows from them.


class OneSided(NamedTuple):
    """Σ l1·max(w_j, 0)."""

    l1: float


@penalties.value.register(OneSided)
def _(penalty, j, w):
    return penalties.at(penalty.l1, j) * max(w, 0.0)


@penalties.slope.register(OneSided)
def _(penalty, j, w):
    return penalties.at(penalty.l1, j) if w > 0.0 else 0.0


@penalties.segment.register(OneSided)
def _(penalty, j, w):
    if penalties.at(penalty.l1, j) == 0.0:
        return -np.inf, np.inf
    return (0.0 if w >= 0.0 else -np.inf), (0.0 if w <= 0.0 else np.inf)


@penalties.prox.register(OneSided)
def _(penalty, j, z, step):
    return min(z, 0.0) + max(z - step * penalties.at(penalty.l1, j), 0.0)


@penalties.distance.register(OneSided)
def _(penalty, j, w, gradient):
    if w == 0.0:
        return max(gradient, 0.0) + max(-gradient - penalties.at(penalty.l1, j), 0.0)
    return abs(gradient + (penalties.at(penalty.l1, j) if w > 0.0 else 0.0))


@penalties.critical_strength.register(OneSided)
def _(penalty, j, gradient):
    l1 = penalties.at(penalty.l1, j)
    if gradient > 0.0 and l1 > 0.0:
        return np.inf
    return -gradient / l1 if l1 > 0.0 else 0.0


@penalties.times.register(OneSided)
def _(penalty, factor):
    return OneSided(penalty.l1 * factor)


@penalties.rescale.register(OneSided)
def _(penalty, scale, unit):
    return OneSided(penalty.l1 * scale / unit)


# %%
# The certificate has formulas of its own. So a slip above cannot certify itself.


@certificate.penalty_value.register
def _(penalty: OneSided, theta: np.ndarray) -> np.ndarray:
    return penalty.l1 * np.maximum(theta, 0.0)


@certificate.dual_projection.register
def _(penalty: OneSided, u: np.ndarray) -> np.ndarray:
    return np.clip(u, 0.0, penalty.l1)


# %%
# Now every solver takes it, after a few seconds of compiling. Here it stands beside the lasso.
rng = np.random.default_rng(0)
X = rng.standard_normal((200, 8))
truth = np.array([1.5, 1.0, 0.5, 0.0, 0.0, -0.5, -1.0, -1.5])
y = (X @ truth + rng.standard_normal(200))[:, None]
design = as_design(X)
strengths = np.geomspace(2.0, 0.01, 20)


def coefficients(kind):
    objective = Objective(l2=np.array([[1e-3]]), penalty=kind(1.0), strength=strengths)
    solution = solve(design, y, objective, tol=1e-8)
    assert solution.certificate.converged
    return solution.coef.T


# %%
# The one-sided penalty holds positive coefficients at zero. Negative ones are there at once.
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained")
for ax, kind, title in zip(
    axes, (penalties.L1, OneSided), ("lasso", "one-sided penalty"), strict=True
):
    found = coefficients(kind)
    for j, colour in enumerate(plt.cm.cividis(np.linspace(0.0, 0.9, 8))):
        ax.plot(strengths, found[:, j], color=colour)
        ax.plot(strengths[-1] / 1.3, truth[j], "<", color=colour, clip_on=False)
    ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    ax.set(xscale="log", xlabel="strength of the penalty", title=title)
    ax.invert_xaxis()
axes[0].set_ylabel("coefficient (◂ truth)")
plt.show()
