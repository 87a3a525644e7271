"""
What a certificate bounds, and what it costs
============================================

How far is an answer from the minimum? Every fit carries a certificate: a duality gap, computed
anew from the data. The objective is above its minimum by no more than that.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# A lasso with more features than rows.
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 1000))
y = X[:, :20] @ rng.standard_normal(20) + rng.standard_normal(300)
model = fastreg.Lasso(alpha=0.05).fit(X, y)
print(model.certificate_)

# %%
# To see gaps at work we stop a slow method early. Gradient descent takes a proximal step for the
# L1 penalty, and knows its distance from the exact optimum.
steps = [1, 3, 10, 30, 100, 300, 1000]
gap, excess = [], []
for n_iter in steps:
    run = fastreg.descend(X, y, lam=0.0, l1=0.05 * len(y), n_iter=n_iter)
    gap.append(run.certificate.gap[0])
    excess.append(run.objectives[-1] - run.optimum.objective)

fig, ax = plt.subplots(layout="constrained")
ax.plot(steps, gap, "o-", label="certified gap, known without the optimum")
ax.plot(steps, np.maximum(excess, 1e-16), "s-", label="true distance of the objective")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="steps of gradient descent",
    ylabel="distance, in units of y²",
)
ax.set_title("The gap is never below the truth")
ax.legend()
plt.show()

# %%
# What does a smaller gap cost? The solver of ``Lasso`` finds the features in use, then takes exact
# steps. So a thousandfold smaller tolerance costs next to nothing.
tols = np.geomspace(1e-1, 1e-10, 10)
reached, seconds = [], []
for tol in tols:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        model = fastreg.Lasso(alpha=0.05, tol=tol).fit(X, y)
        times.append(time.perf_counter() - start)
    seconds.append(min(times))
    reached.append(model.certificate_.relative_gap[0])

fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
axes[0].plot(tols, tols, color="0.6", lw=1.0, label="asked")
axes[0].plot(tols, np.maximum(reached, 1e-17), "o-", label="reached")
axes[0].set(yscale="log", ylabel="relative gap", title="Every fit reaches what was asked")
axes[0].legend()
axes[1].plot(tols, 1e3 * np.array(seconds), "o-")
axes[1].set(ylabel="time of a fit / ms", title="Time hardly depends on it")
axes[1].set_ylim(0.0, 1.3e3 * max(seconds))
for ax in axes:
    ax.set(xscale="log", xlabel="tol")
    ax.invert_xaxis()
plt.show()
