"""
Choosing alpha: the best error, or one standard error from it
=============================================================

How strong should the penalty be? Cross-validation finds the strength of least error.
The one-standard-error rule takes the simplest model that is about as good.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import ShuffleSplit

import fastreg

# %%
# Ten measurements are real. Thirty columns of noise stand beside them.
data = load_diabetes()
rng = np.random.default_rng(0)
X = data.data / data.data.std(axis=0)
X = np.hstack([X, rng.standard_normal((len(X), 30))])
y = data.target
path = fastreg.path(X, y)

# %%
# Both rules look at the same ten folds.
best, simple = path.select("cv", cv=10), path.select("1se", cv=10)
ax = simple.plot()
ax.axhline(best.values[best.index] + best.standard_error[best.index], color="0.6", lw=0.8, ls=":")
ax.set(ylabel="held-out mean squared error", title="The dotted line is one standard error above")
plt.show()

for chosen in (best, simple):
    kept = np.flatnonzero(chosen.coef)
    print(f"{chosen.criterion:4} alpha {chosen.alpha:5.2f}: {sum(kept < 10)} real, "
          f"{sum(kept >= 10)} noise")  # fmt: skip

# %%
# Is that luck? We repeat the choice on forty random halves of the rows.
# The least error lets noise in. The one-standard-error rule mostly keeps it out.
halves = ShuffleSplit(40, train_size=0.5, random_state=0).split(X)
counts = {"cv": [], "1se": []}
for half, _ in halves:
    found = fastreg.path(X[half], y[half], alphas=50)
    for rule, noise in counts.items():
        noise.append(np.count_nonzero(found.select(rule).coef[10:]))

fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
for k, (rule, noise) in enumerate(counts.items()):
    often = np.bincount(noise, minlength=31)
    ax.bar(np.arange(31) + 0.4 * k - 0.2, often, width=0.4, label=rule, color=f"C{k}")
ax.set(xlabel="noise features kept, of 30", ylabel="halves of the data", xlim=(-1, 28))
ax.legend(title="rule")
plt.show()
