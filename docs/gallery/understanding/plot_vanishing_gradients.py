"""
Vanishing gradients, and which penalty helps
============================================

In a deep network the signal for the first layers can fade on its way back.
Does a penalty on the weights help? Mostly not: it makes them smaller, and the signal with them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import fastreg
from fastreg.network import MLPRegressor

# %%
# Ten hidden layers of 16 units, with small weights at the start.
rng = np.random.default_rng(0)
X = rng.standard_normal((256, 4))
y = np.sin(X[:, 0]) + X[:, 1] + 0.5 * X[:, 2] * X[:, 3]


def train(**penalty):
    model = MLPRegressor(
        (16,) * 10, activation="tanh", init=0.1, clip_norm=1.0, solver="gd", learning_rate=0.03,
        momentum=0.9, max_iter=350, tol=0, monitor=25, random_state=0, **penalty,
    )  # fmt: skip
    with warnings.catch_warnings():  # fits that get stuck say so
        warnings.simplefilter("ignore", fastreg.ConvergenceWarning)
        return model.fit(X, y)


# %%
# Three trainings: without a penalty, with one on the weights, and with one that keeps each layer
# nearly orthogonal. The last keeps the length of the signal.
nets = {
    "no penalty": train(lam=0.0),
    "on the weights, λ = 3": train(lam=3.0),
    "orthogonal layers": train(lam=0.0, gradient_penalty="orthogonal", gradient_weight=0.1),
}
print(nets["no penalty"].gradient_report_.summary())

# %%
# R is the signal at the first hidden layer, over that at the last. Only the third training
# restores it.
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
for k, (name, net) in enumerate(nets.items()):
    history = net.gradient_report_.history
    steps = [each.step for each in history]
    axes[0].plot(steps, [max(each.vanishing_ratio, 1e-30) for each in history], label=name)
    last = history[-1].delta_rms[:10]
    axes[1].plot(np.arange(1, 11), np.maximum(last, 1e-30), "o-", ms=4, color=f"C{k}")
axes[0].set(yscale="log", xlabel="step", ylabel="R, signal of first over last layer")
axes[0].axhline(1.0, color="0.7", lw=0.8, zorder=0)
axes[0].legend(loc="lower left")
axes[1].set(yscale="log", xlabel="hidden layer, from the input", ylabel="signal at the end, RMS")
plt.show()

# %%
# And only the third network learns.
fig, ax = plt.subplots(layout="constrained")
for name, net in nets.items():
    ax.plot(net.loss_curve_, label=f"{name}: R² = {max(net.score(X, y), 0.0):.2f}")
ax.set(xlabel="step", ylabel="objective J", yscale="log")
ax.legend()
plt.show()
