"""
The lasso path of the diabetes data
===================================

Which of ten measurements tell how diabetes progresses, and in which order do they matter?
A lasso path answers both. It fits the model at a hundred strengths of the penalty.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

# %%
# The features are put on a common scale: a unit is one standard deviation.
data = load_diabetes(scaled=False)
X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
path = fastreg.path(X, data.target)
print(path)

# %%
# At the largest strength, on the left, every coefficient is zero. As the penalty falls, features
# enter one by one. The eight that end farthest from zero have a name.
path.plot(names=data.feature_names)
plt.ylabel("change in progression for one standard deviation")
plt.title("Coefficients along the lasso path")
plt.show()

# %%
# The order in which the features enter is a first ranking.
entered = (path.coefs != 0).argmax(axis=1)
print("order:", ", ".join(data.feature_names[j] for j in np.argsort(entered)))

# %%
# How many features does a good model need? The share of the variance that the model explains
# rises fast with the first five. After that it hardly grows.
features = np.count_nonzero(path.coefs, axis=0)
fig, ax = plt.subplots(layout="constrained")
ax.plot(path.alphas, path.explained, color="C0")
ax.set(xscale="log", xlabel="strength of the penalty, alpha", ylabel="share explained, R²")
ax.invert_xaxis()
ax.yaxis.label.set_color("C0")
right = ax.twinx()
right.step(path.alphas, features, color="C1", where="mid")
right.set_ylabel("features in the model", color="C1")
ax.set_title("Most is explained before all features are in")
plt.show()
