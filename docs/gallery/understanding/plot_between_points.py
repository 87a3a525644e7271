"""
Between two points of a path
============================

A path has points at some strengths. What are the coefficients between them?
``path.coef(alpha)`` interpolates. For the lasso that is exact but for where a feature enters.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

# %%
# A path of twelve points, and exact fits between them.
data = load_diabetes()
X = data.data / data.data.std(axis=0)
y = data.target
coarse = fastreg.path(X, y, alphas=12)
between = np.geomspace(coarse.alphas[-1], coarse.alphas[0], 300)
exact = fastreg.path(X, y, alphas=between, tol=1e-10)
guessed = coarse.coef(exact.alphas)
print("largest error:", np.abs(guessed - exact.coefs).max().round(2))

# %%
# Dots are points of the path, lines are interpolated, dashes exact. On a linear axis the lasso is
# a chain of straight lines. It bends where a feature enters or leaves.
fig, axes = plt.subplots(1, 2, figsize=(9.0, 4.0), sharey=True, layout="constrained")
shown = [2, 3, 8, 1]
for ax, scale in zip(axes, ("linear", "log"), strict=True):
    for k, j in enumerate(shown):
        ax.plot(exact.alphas, guessed[j], color=f"C{k}", lw=1.2)
        ax.plot(exact.alphas, exact.coefs[j], color="0.2", lw=1.0, ls="--")
        name = data.feature_names[j]
        ax.plot(coarse.alphas, coarse.coefs[j], "o", ms=5, color=f"C{k}", label=name)
    ax.set(xscale=scale, xlabel=f"alpha, {scale}")
    ax.invert_xaxis()
axes[0].set_ylabel("coefficient")
axes[0].legend(loc="center left")
plt.show()

# %%
# More points leave less between them. Ridge is smooth: twice the points, a quarter of the error.
# Lasso and elastic net have bends, so there the error falls with the distance alone.
counts = [6, 12, 25, 50, 100, 200]
kinds = {"lasso": 1.0, "elastic net": 0.5, "ridge": 0.0}
fig, ax = plt.subplots(layout="constrained")
for name, ratio in kinds.items():
    ends = (coarse.alphas[0], coarse.alphas[-1])
    exact = fastreg.path(X, y, l1_ratio=ratio, alphas=between, tol=1e-10)
    errors = []
    for count in counts:
        alphas = np.geomspace(*ends, count)
        path = fastreg.path(X, y, l1_ratio=ratio, alphas=alphas, tol=1e-10)
        inside = np.clip(exact.alphas, path.alphas[-1], path.alphas[0])
        errors.append(np.abs(path.coef(inside) - exact.coefs).max())
    ax.plot(counts, errors, "o-", label=name)
ax.set(xscale="log", yscale="log", xlabel="points of the path", ylabel="largest error between")
ax.set_xticks(counts, counts)
ax.xaxis.set_minor_formatter("")
ax.legend()
plt.show()
