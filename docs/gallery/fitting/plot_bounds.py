"""
Bounds: a digit as a mixture of other digits
============================================

Can an image be written as a sum of a few others? Only with weights that are not negative: ink
adds up. ``positive=True`` asks for that, and ``bounds`` caps each weight as well.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import fastreg

# %%
# The columns of X are 500 images of 64 pixels. The target is an image that is not among them.
digits = load_digits()
X = digits.data[:500].T
target, kind = digits.data[1004], digits.target[1004]
options = {"alphas": 30, "fit_intercept": False, "max_iter": 5000}
mixtures = {
    "free": fastreg.path(X, target, **options),
    "positive": fastreg.path(X, target, positive=True, **options),
    "at most 0.15": fastreg.path(X, target, bounds=(0.0, 0.15), **options),
}
for name, path in mixtures.items():
    print(f"{name:13} {path}")

# %%
# The title of the second image counts the others that it is made of. Free weights come nearer to
# the target. They also subtract images, which ink cannot do.
fig, axes = plt.subplots(3, 8, figsize=(9.0, 4.2), layout="constrained")
for row, (name, path) in zip(axes, mixtures.items(), strict=True):
    weights = path.coefs[:, -1]
    largest = np.argsort(-np.abs(weights))[:6]
    shown = [target, X @ weights, *X[:, largest].T]
    titles = ["target", f"sum of {np.count_nonzero(weights)}", *weights[largest].round(2)]
    for ax, image, title in zip(row, shown, titles, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
        ax.set_title(str(title), fontsize=9, loc="center", pad=3)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    row[0].set_ylabel(name)
plt.show()

# %%
# Which digits does each mixture use? Free weights add and subtract all kinds of digits.
# Positive ones use mostly the right one.
fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
for k, (name, path) in enumerate(mixtures.items()):
    weights = path.coefs[:, -1]
    total = np.bincount(digits.target[:500], np.abs(weights), minlength=10)
    ax.bar(np.arange(10) + 0.27 * (k - 1), total / total.sum(), width=0.25, label=name)
ax.set(xlabel="digit", ylabel="share of the weights", title=f"The target is a {kind}")
ax.set_xticks(range(10))
ax.legend()
plt.show()
