"""
Which features can be trusted? Stability selection
==================================================

A lasso on other rows may keep other features. Stability selection asks two halves of the rows,
again and again. It keeps the features that most halves agree on.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

# %%
# Beside each of ten measurements stand nine shuffled copies. They have the same values, and no
# connection with the disease. We know that they are false.
data = load_diabetes()
rng = np.random.default_rng(0)
copies = [rng.permutation(data.data) for _ in range(9)]
X = np.hstack([data.data, *copies]) / data.data.std(axis=0).mean()
y = data.target

# %%
# Of each half, the first features to enter the path are counted.
model = fastreg.StabilitySelection(random_state=0, n_pairs=50).fit(X, y)
print(f"the first {model.n_first_} features of each of 100 halves")
kept = model.get_support(indices=True)
print("kept:", [data.feature_names[j] if j < 10 else f"copy {j}" for j in kept])
print("expected number of false features: at most", model.error_bound_)

order = np.argsort(-model.frequencies_)[:25]
fig, ax = plt.subplots(figsize=(7.0, 4.4), layout="constrained")
real = order < 10
for some, colour, label in ((real, "C0", "measured"), (~real, "0.7", "shuffled copy")):
    ax.bar(np.flatnonzero(some), model.frequencies_[order][some], color=colour, label=label)
for place in np.flatnonzero(real):
    height = model.frequencies_[order[place]]
    ax.text(place, height + 0.015, data.feature_names[order[place]], ha="center", color="C0")
ax.axhline(model.threshold, color="C1", ls="--", label="threshold")
ax.set(xlabel="features, by rank", ylabel="share of halves that select it", ylim=(0, 1.1))
ax.legend()
plt.show()

# %%
# Compare the lasso that cross-validation chooses on all rows: it keeps many of the copies.
chosen = fastreg.path(X, y).select("cv", cv=10)
lasso = np.flatnonzero(chosen.coef)
print(f"lasso: {sum(lasso < 10)} measurements, {sum(lasso >= 10)} shuffled copies")
