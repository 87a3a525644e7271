"""
Intervals after a selection
===========================

A lasso keeps the features that look best, on the same data that the intervals come from.
Ordinary intervals forget that, and find effects in pure noise. Selective ones do not.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

# %%
# First pure noise: no feature has any effect. The lasso keeps some all the same.
# Ordinary intervals come from least squares on the features kept.
rng = np.random.default_rng(0)
ordinary, selective = [], []
for _ in range(200):
    X, y = rng.standard_normal((100, 20)), rng.standard_normal(100)
    model = fastreg.Lasso(alpha=0.15).fit(X, y)
    kept = np.flatnonzero(model.coef_)
    if len(kept) == 0:
        continue
    free = fastreg.Ridge(alpha=0.0).fit(X[:, kept], y)
    ordinary.extend(free.summary(X[:, kept], y).p_value[1:])
    selective.extend(model.summary(X, y).p_value)

fig, ax = plt.subplots(layout="constrained")
levels = np.linspace(0.0, 1.0, 101)
for name, p, colour in (("ordinary", ordinary, "C1"), ("selective", selective, "C0")):
    ax.plot(levels, [np.mean(np.array(p) <= level) for level in levels], color=colour, label=name)
    print(f"{name}: {np.mean(np.array(p) < 0.05):.0%} of noise features have p < 0.05")
ax.plot([0, 1], [0, 1], color="0.6", lw=1.0, ls="--", label="honest")
ax.set(xlabel="p value", ylabel="share of noise features at or below it")
ax.legend(loc="lower right")
plt.show()

# %%
# Now the diabetes data. The lasso keeps five of ten measurements.
data = load_diabetes(as_frame=True)
X = data.data / data.data.std()
model = fastreg.Lasso(alpha=5.0).fit(X, data.target)
found = model.summary(X, data.target)
print(found)

# %%
# Where a feature only just came in, its honest interval is long on one side.
kept = X.iloc[:, found.features]
free = fastreg.Ridge(alpha=0.0).fit(kept, data.target).summary(kept, data.target)
fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
place = np.arange(len(kept.columns))[::-1]
for shift, colour, label, low, high, coef in (
    (0.12, "C1", "ordinary", free.lower[1:], free.upper[1:], free.coef[1:]),
    (-0.12, "C0", "selective", found.lower, found.upper, found.coef),
):
    ax.errorbar(
        coef, place + shift, xerr=[coef - low, high - coef], fmt="o", capsize=3, color=colour,
        label=label,
    )  # fmt: skip
ax.axvline(0.0, color="0.6", lw=0.8)
ax.set_yticks(place, kept.columns)
ax.set(xlabel="change in progression for one standard deviation, with 95 % interval")
ax.legend()
plt.show()
