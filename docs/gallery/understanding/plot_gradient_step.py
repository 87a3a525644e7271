"""
Gradient descent and the length of its step
===========================================

How long may a step be? With L the largest curvature, any step below 2/L converges.
A longer one leaves the valley, and the loop stops with an error that says so.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Two features, so that the way can be drawn. They are correlated: the valley is narrow.
rng = np.random.default_rng(0)
X = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.8], [0.8, 1.0]], size=300)
y = X @ [2.0, -1.0] + 0.5 * rng.standard_normal(300)
lam = 1.0

# %%
# The gradient is one line of NumPy. ``fastreg.gradient`` gives the same from one read of X.
theta = np.array([-1.0, 2.0])
by_numpy = (X.T @ (X @ theta - y) + lam * theta) / len(y)
print("same gradient:", np.allclose(by_numpy, fastreg.gradient(X, y, theta, lam)))

# %%
# ``descend`` takes 1/L by default.
start = np.array([-2.0, 0.5])
default = fastreg.descend(X, y, lam=lam, theta0=start, n_iter=40)
longest = 2.0 * default.eta
print(f"step 1/L = {default.eta:.3f}, longest safe step 2/L = {longest:.3f}")
try:
    fastreg.descend(X, y, lam=lam, theta0=start, eta=1.1 * longest, n_iter=1000)
except fastreg.DivergenceError as error:
    print("DivergenceError:", error)

# %%
# Four steps, from short to too long. The short one creeps, the long one bounces from wall to wall.


def way(eta, steps):
    theta, out = start.copy(), [start]
    for _ in range(steps):
        theta = theta - eta * fastreg.gradient(X, y, theta, lam)
        out.append(theta)
    return np.array(out)


a, b = np.meshgrid(np.linspace(-3.2, 3.6, 80), np.linspace(-2.7, 3.5, 80))
J = [fastreg.objective(X, y, point, lam) for point in np.column_stack([a.ravel(), b.ravel()])]
J = np.reshape(J, a.shape) - default.optimum.objective
fig, axes = plt.subplots(2, 2, figsize=(8.0, 6.6), sharex=True, sharey=True, layout="constrained")
shares = {"1/(5L)": 0.1, "1/L": 0.5, "1.9/L": 0.95, "2.1/L": 1.05}
for ax, (name, share) in zip(axes.flat, shares.items(), strict=True):
    ax.contour(a, b, J, levels=np.geomspace(0.01, 8.0, 12), colors="0.75", linewidths=0.8)
    points = way(share * longest, 25)
    ax.plot(*points.T, "o-", ms=3, lw=1.0, color="C1" if share > 1.0 else "C0")
    ax.plot(*default.optimum.theta, "k+", ms=12, mew=2)
    ax.set(xlim=(-3.2, 3.6), ylim=(-2.7, 3.5), title=f"step {name}")
for ax in axes[1]:
    ax.set_xlabel("θ₁")
for ax in axes[:, 0]:
    ax.set_ylabel("θ₂")
plt.show()

# %%
# The distance of the objective from its minimum tells the same story.
fig, ax = plt.subplots(layout="constrained")
for name, share in shares.items():
    values = [fastreg.objective(X, y, point, lam) for point in way(share * longest, 60)]
    ax.plot(np.array(values) - default.optimum.objective, label=name)
ax.set(yscale="log", xlabel="step", ylabel="J(θ) − min J", ylim=(1e-7, 1e3))
ax.legend(title="step length")
plt.show()
