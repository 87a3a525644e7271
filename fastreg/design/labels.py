"""Labels of classes: arrays of one type, and their places among the classes."""

from __future__ import annotations

import numpy as np

from fastreg.design.vectors import as_target

Array = np.ndarray


def of_one_type(labels: Array) -> Array:
    """Labels (m,) as texts, whole numbers, truths or floats.

    Raises
    ------
    ValueError
        They are of several types, or missing, or not finite.
    """
    if labels.dtype == object and not all(isinstance(label, str) for label in labels.tolist()):
        plain = np.array(labels.tolist())
        if plain.dtype.kind not in "biuf":
            raise ValueError("y must hold labels of one type, without missing values")
        labels = plain
    if labels.dtype.kind == "f":
        as_target(labels, len(labels))
    return labels


def classes_of(labels: Array, weights: Array | None) -> Array:
    """(K,) the labels of rows that have a weight, sorted."""
    return np.unique(labels if weights is None else labels[weights > 0.0])


def codes_of(labels: Array, classes: Array) -> Array:
    """(m,) places among the classes; any place for a label that is none of them."""
    return np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
