"""
Standard errors: classical and sandwich
=======================================

How sure is a coefficient? Classical standard errors take the noise to be the same everywhere.
The sandwich does without that. Which of them can be trusted where noise grows?
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# The noise grows with the distance of the first feature from zero.


def sample(seed, m=200):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 2))
    noise = (0.2 + X[:, 0] ** 2) * rng.standard_normal(m)
    return X, 1.0 + 2.0 * X[:, 0] - X[:, 1] + noise


# %%
# ``Ridge`` with ``alpha=0`` is least squares. Its summary has both kinds of errors.
X, y = sample(0)
model = fastreg.Ridge(alpha=0.0).fit(X, y)
print(model.summary(X, y))
print(model.summary(X, y, method="sandwich"))

# %%
# The spread of the residuals shows the trouble: they are small in the middle only.
fig, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
ax.axhline(0.0, color="0.7", lw=0.8)
ax.plot(X[:, 0], y - model.predict(X), "o", ms=4, alpha=0.7)
ax.set(xlabel="first feature", ylabel="residual")
plt.show()

# %%
# Do 95 % intervals cover the truth in 95 % of samples? Classical ones of the first feature do not.
truth = np.array([1.0, 2.0, -1.0])
methods = ("classical", "sandwich")
inside = {method: np.zeros(3) for method in methods}
samples = 500
for seed in range(samples):
    X, y = sample(seed)
    model = fastreg.Ridge(alpha=0.0).fit(X, y)
    for method in methods:
        found = model.summary(X, y, method=method)
        inside[method] += (found.lower <= truth) & (truth <= found.upper)

fig, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for k, method in enumerate(methods):
    share = inside[method] / samples
    error = 1.96 * np.sqrt(share * (1.0 - share) / samples)
    ax.errorbar(
        np.arange(3) + 0.16 * k - 0.08,
        100 * share,
        yerr=100 * error,
        fmt="o",
        capsize=3,
        label=method,
    )
ax.axhline(95, color="0.5", lw=1.0, ls="--")
ax.set_xticks(range(3), ["intercept", "first feature", "second feature"])
ax.set(ylabel="intervals that hold the truth / %", ylim=(55, 100), xlim=(-0.5, 2.5))
ax.legend(loc="lower right")
plt.show()
