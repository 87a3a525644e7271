"""
The adaptive lasso finds the true features more often
=====================================================

The lasso tends to keep features that mean nothing. The adaptive lasso fits again, with a
smaller penalty on what was large. How much does that help?
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Four of forty features count. Neighbours are correlated, which makes the choice hard.
truth = np.zeros(40)
truth[[5, 15, 25, 35]] = [2.0, -2.0, 1.5, -1.5]


def sample(seed, m=150, correlation=0.6):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 40))
    for j in range(1, 40):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    return X, X @ truth + 1.5 * rng.standard_normal(m)


# %%
# Both choose alpha by the same criterion, AICc. Three rounds are enough.
X, y = sample(0)
model = fastreg.AdaptiveLasso("aicc").fit(X, y)
print("features kept in each round:", model.n_selected_)

first = fastreg.path(X, y).select("aicc").coef
fig, ax = plt.subplots(figsize=(7.0, 3.8), layout="constrained")
ax.plot(np.flatnonzero(truth), truth[truth != 0], "_", color="0.2", ms=18, mew=2, label="truth")
for coef, colour, label in ((first, "C1", "lasso"), (model.coef_, "C0", "adaptive lasso")):
    kept = np.flatnonzero(coef)
    ax.plot(kept, coef[kept], "o", color=colour, ms=6, label=f"{label}: {len(kept)} features")
ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
ax.set(xlabel="feature", ylabel="coefficient")
ax.legend()
plt.show()

# %%
# One data set proves little. Here are sixty.
false = {"lasso": [], "adaptive lasso": []}
missed = {"lasso": 0, "adaptive lasso": 0}
for seed in range(60):
    X, y = sample(seed)
    again = fastreg.AdaptiveLasso("aicc").fit(X, y).coef_
    once = fastreg.AdaptiveLasso("aicc", n_reweightings=0).fit(X, y).coef_
    for name, coef in (("lasso", once), ("adaptive lasso", again)):
        false[name].append(np.count_nonzero(coef[truth == 0]))
        missed[name] += int(np.count_nonzero(coef[truth != 0] == 0))
print("true features missed, of 240:", missed)

fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
for k, (name, counts) in enumerate(reversed(false.items())):
    often = np.bincount(counts, minlength=20)
    ax.bar(np.arange(len(often)) + 0.4 * k - 0.2, often, width=0.4, label=name, color=f"C{k}")
ax.set(xlabel="false features kept, of 36", ylabel="data sets, of 60")
ax.legend()
plt.show()
