"""
Ten folds in one pass, and a window that moves
==============================================

Sums of squares and products are all that least squares needs, and sums add up.
``SufficientStatistics`` keeps them by fold. New rows are added, old ones taken out again.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Sixty months of data, 300 rows each. The first effect fades, the second grows.
rng = np.random.default_rng(0)
months, rows, n = 60, 300, 8
drift = np.linspace(0.0, 1.0, months)
truth = np.zeros((months, n))
truth[:, 0], truth[:, 1], truth[:, 2] = 1.0 - drift, drift, 0.5
data = []
for month in range(months):
    X = rng.standard_normal((rows, n))
    data.append((X, X @ truth[month] + 2.0 * rng.standard_normal(rows)))


# %%
# Each month is read once. Its rows are dealt to ten folds.
def collect(X, y):
    stats = fastreg.SufficientStatistics(n_features=n, n_folds=10)
    return stats.update(X, y, fold=np.arange(len(y)) % 10)


parts = [collect(X, y) for X, y in data]

# %%
# A window of twelve months moves on: the new month is added, the oldest is subtracted.
# Each fit takes the sums alone. No row is read again.
window = sum(parts[1:12], start=parts[0])
everything = window
recent, overall = [], []
for month in range(12, months):
    window = window + parts[month] - parts[month - 12]
    everything = everything + parts[month]
    recent.append(fastreg.LassoCV(alphas=30, cv=10).fit(window).coef_)
    overall.append(fastreg.LassoCV(alphas=30, cv=10).fit(everything).coef_)
print("rows in the window:", window.n_samples, "of", everything.n_samples)

fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), sharey=True, layout="constrained")
titles = ("last twelve months", "all months so far")
for ax, found, title in zip(axes, (recent, overall), titles, strict=True):
    for j in range(3):
        ax.plot(np.arange(12, months), np.array(found)[:, j], color=f"C{j}", label=f"feature {j}")
        ax.plot(truth[:, j], color=f"C{j}", lw=1.0, ls=":")
    ax.set(xlabel="month", title=title)
axes[0].set_ylabel("coefficient (dotted: truth)")
axes[0].legend()
plt.show()

# %%
# Was it exact? A fit to the rows of the window gives the same, to rounding.
X = np.vstack([X for X, _ in data[-12:]])
y = np.concatenate([y for _, y in data[-12:]])
alpha = 0.05
by_rows = fastreg.Lasso(alpha=alpha).fit(X, y).coef_
by_sums = fastreg.Lasso(alpha=alpha).fit(window).coef_
print("largest difference:", np.abs(by_rows - by_sums).max())

# %%
# The ten folds are there as well: one call has the errors of all strengths.
errors = window.cross_validate(alphas=50)
fig, ax = plt.subplots(layout="constrained")
ax.plot(errors.alphas, errors.mse, color="0.8", lw=1.0)
ax.plot(errors.alphas, errors.mse.mean(axis=1), label="mean of ten folds")
ax.axvline(errors.alpha_min, color="C1", ls="--", lw=1.2, label="least error")
ax.set(xscale="log", xlabel="alpha", ylabel="held-out mean squared error")
ax.invert_xaxis()
ax.legend()
plt.show()
