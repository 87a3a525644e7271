"""
The relaxed lasso: select first, then shrink less
=================================================

The lasso selects features and shrinks them at the same time. Where the signal is clear, that
shrinks too much. The relaxed lasso fits again, without a penalty, on the features selected.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Five of sixty features count.
rng = np.random.default_rng(0)
truth = np.zeros(60)
truth[:5] = [3.0, -2.5, 2.0, -1.5, 1.0]
X = rng.standard_normal((150, 60))
y = X @ truth + rng.standard_normal(150)

# %%
# ``relax(gamma)`` mixes the path, gamma = 1, with fits without a penalty, gamma = 0.
# Cross-validation does the same in each fold.
path = fastreg.path(X, y, eps=0.01)
choices = {gamma: path.relax(gamma).select("cv", cv=10) for gamma in (1.0, 0.5, 0.0)}

fig, ax = plt.subplots(layout="constrained")
for k, (gamma, chosen) in enumerate(choices.items()):
    kept = np.count_nonzero(chosen.coef)
    ax.plot(
        chosen.alphas, chosen.values, label=f"gamma = {gamma:g}: {kept} features", color=f"C{k}"
    )
    ax.plot(chosen.alpha, chosen.values[chosen.index], "o", color=f"C{k}")
ax.set(xscale="log", yscale="log", xlabel="alpha", ylabel="held-out mean squared error")
ax.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
ax.yaxis.set_minor_formatter("")
ax.set_title("The best relaxed fit needs fewer features")
ax.invert_xaxis()
ax.legend()
plt.show()

# %%
# The lasso needs a small alpha, so as not to shrink what is true. That lets noise in.
# The relaxed lasso does without the compromise.
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained")
for ax, gamma, title in zip(axes, (1.0, 0.0), ("lasso", "relaxed lasso"), strict=True):
    coef = choices[gamma].coef
    kept = np.flatnonzero(coef)
    ax.stem(kept, coef[kept], markerfmt="C0o", linefmt="C0-", basefmt=" ", label="fitted")
    ax.plot(np.arange(5), truth[:5], "_", color="C1", ms=14, mew=2, label="truth")
    ax.axhline(0.0, color="0.7", lw=0.8)
    ax.set(
        xlabel="feature",
        xlim=(-2, 61),
        title=f"{title}: squared error {np.sum((coef - truth) ** 2):.2f}",
    )
axes[0].set_ylabel("coefficient")
axes[0].legend()
plt.show()
