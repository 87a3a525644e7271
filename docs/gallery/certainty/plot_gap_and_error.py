"""
From the gap to the error of the coefficients
=============================================

A certificate bounds the objective. What does it say of the coefficients?
Where the objective is curved, a small gap leaves them little room.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

# %%
# Let μ be the least curvature, here the least eigenvalue of XᵀX/m + λI/m. Then the distance from
# the optimum is at most the square root of 2·gap/μ.
data = load_diabetes()
X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
y = data.target - data.target.mean()
m = len(y)


def follow(lam):
    least = np.linalg.eigvalsh(X.T @ X / m + lam / m * np.eye(10))[0]
    rows = []
    for n_iter in np.unique(np.geomspace(1, 3000, 25).astype(int)):
        run = fastreg.descend(X, y, lam=lam, n_iter=int(n_iter))
        gap = run.certificate.gap[0]
        error = np.linalg.norm(run.theta - run.optimum.theta)
        rows.append((n_iter, gap, error, np.sqrt(2.0 * gap / least)))
    return np.array(rows).T


# %%
# The bound holds at every step. It is loose at first and follows the error down, until only
# rounding is left.
lams = (1.0, 30.0)
traces = {lam: follow(lam) for lam in lams}
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained")
for ax, (lam, (steps, _, error, bound)) in zip(axes, traces.items(), strict=True):
    ax.plot(steps, np.where(bound > 1e-7, bound, np.nan), "o-", ms=4, label="bound from the gap")
    ax.plot(steps, np.where(error > 1e-7, error, np.nan), "s-", ms=4, label="true error")
    ax.set(xscale="log", yscale="log", xlabel="steps of gradient descent", title=f"λ = {lam:g}")
axes[0].set_ylabel("distance from the optimum")
axes[0].legend(loc="lower left")
plt.show()

# %%
# The same runs, error against gap. A hundredfold smaller gap makes the error ten times smaller.
# A larger λ curves the objective more, so the same gap means smaller errors.
fig, ax = plt.subplots(layout="constrained")
for k, (lam, (_, gap, error, bound)) in enumerate(traces.items()):
    some = error > 1e-6
    ax.plot(gap[some], error[some], "o", ms=4, color=f"C{k}", label=f"λ = {lam:g}")
    ax.plot(gap[some], bound[some], color=f"C{k}", lw=1.0, label=f"bound for λ = {lam:g}")
ax.set(xscale="log", yscale="log", xlabel="certified gap", ylabel="error of the coefficients")
ax.legend()
plt.show()
