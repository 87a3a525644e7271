"""
A pipeline and a grid search with scikit-learn
==============================================

The estimators follow scikit-learn's rules. So they work in its pipelines and searches.
Here a search tunes two parameters of a classifier at once.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastreg

# %%
# The scaler is part of the pipeline. So held-out rows have no say in it.
data = load_breast_cancer()
X, X_new, y, y_new = train_test_split(data.data, data.target, stratify=data.target, random_state=0)
pipeline = make_pipeline(StandardScaler(), fastreg.LogisticRegression())
grid = {
    "logisticregression__C": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0],
    "logisticregression__l1_ratio": [0.0, 0.25, 0.5, 0.75, 1.0],
}
search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=5).fit(X, y)
print("best:", {name.split("__")[1]: value for name, value in search.best_params_.items()})
print(f"log loss of new patients: {-search.score(X_new, y_new):.3f}")
print(f"share of them classified right: {np.mean(search.predict(X_new) == y_new):.3f}")

# %%
# The loss has a broad valley. Within it the share of L1 decides how many features remain.
loss = -search.cv_results_["mean_test_score"].reshape(7, 5).T
kept = np.empty((5, 7), int)
for k, C in enumerate(grid["logisticregression__C"]):
    for i, ratio in enumerate(grid["logisticregression__l1_ratio"]):
        model = pipeline.set_params(logisticregression__C=C, logisticregression__l1_ratio=ratio)
        kept[i, k] = np.count_nonzero(model.fit(X, y)[-1].coef_)

fig, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
image = ax.imshow(loss, cmap="cividis_r", vmax=0.3, origin="lower", aspect="auto")
for i, k in np.ndindex(5, 7):
    shade = "white" if loss[i, k] > 0.18 else "black"
    ax.text(k, i, kept[i, k], ha="center", va="center", color=shade)
best = np.unravel_index(np.argmin(loss), loss.shape)
ax.plot(best[1], best[0], "s", ms=30, mfc="none", mec="C1", mew=2)
ax.set_xticks(range(7), [f"{C:g}" for C in grid["logisticregression__C"]])
ax.set_yticks(range(5), grid["logisticregression__l1_ratio"])
ax.set(xlabel="C, the inverse of the strength", ylabel="share of L1")
ax.set_title("Held-out log loss; the numbers count the features kept")
fig.colorbar(image, label="log loss")
plt.show()
