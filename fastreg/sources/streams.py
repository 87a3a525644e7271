"""Blocks that a program makes: any iterable of (X, y) or (X, y, sample_weight)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fastreg.design import as_design, as_target, feature_names
from fastreg.sources.blocks import Source
from fastreg.sources.names import quoted
from fastreg.sources.rows import Block, digest_of

_LOOKED_AT = 64  # rows of the first block that a checkpoint knows a stream by


class Stream(Source):
    """An iterable, or a function that begins a new one whenever it is called."""

    kind = "stream of blocks"

    def __init__(self, made: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        self._made, self.has_weights = made, True  # who knows
        blocks = self._begin()
        head = next((block for block in blocks if not _is_empty(block)), None)
        if head is None:
            raise ValueError("the stream has no blocks with rows")
        X, y, _ = parts_of(head, 0)
        design = as_design(X)
        target = as_target(y, design.shape[0])
        self.n_features, self.is_sparse = design.shape[1], design.is_sparse
        self.flat, self.n_targets = target.ndim == 1, target[:1].size
        self.feature_names = _names(X)
        self._first = digest_of(design.matrix[:_LOOKED_AT], target[:_LOOKED_AT])
        # Who makes blocks may fill one array again and again; what is there already is there.
        self._made_anew = not isinstance(made, list | tuple)
        # An iterator gives its blocks once: the first goes before the others.
        self._left = itertools.chain([head], blocks) if blocks is made else None
        self._is_spent = False

    @property
    def identity(self) -> tuple[Any, ...]:
        return ("stream", self.n_features, self.n_targets, self.feature_names, self._first)

    def _begin(self) -> Iterator[Any]:
        made = self._made() if callable(self._made) else self._made
        if not isinstance(made, Iterable):
            raise ValueError(f"a stream must give blocks (X, y), got {type(made).__name__}")
        return iter(made)

    def blocks(self, first: int = 0) -> Iterator[Block]:
        if self._is_spent:
            raise ValueError(
                "this stream can be read once only: give a function that begins it, or a list"
            )
        blocks = self._begin() if self._left is None else self._left
        self._is_spent = self._left is not None
        count = 0  # of blocks with rows: a checkpoint counts these
        for number, item in enumerate(blocks):
            X, y, weights = parts_of(item, number)
            if _is_empty(item):
                continue
            count += 1
            if count > first:
                self._check_names(X, number)
                X = _matrix(X, number)
                if self._made_anew:
                    X, y, weights = _copied(X), _copied(y), _copied(weights)
                yield Block(X, y, weights, 0, f"block {number}", getattr(X, "nbytes", 0))

    def _check_names(self, X: Any, number: int) -> None:
        names = _names(X)
        if None not in (names, self.feature_names) and names != self.feature_names:
            raise ValueError(
                f"block {number} has the columns {quoted(names or ())}, the first had "
                f"{quoted(self.feature_names or ())}"
            )


def _is_empty(item: Any) -> bool:
    """Whether it is a block without rows."""
    head = item[0] if isinstance(item, tuple | list) and item else None
    return len(getattr(head, "shape", ())) == 2 and head.shape[0] == 0  # type: ignore[union-attr]


def _copied(part: Any) -> Any:
    return part.copy() if hasattr(part, "copy") else part


def _names(X: Any) -> list[str] | None:
    names = feature_names(X)
    return None if names is None else [str(name) for name in names]


def _matrix(X: Any, number: int) -> Any:
    try:
        return as_design(X).matrix
    except (TypeError, ValueError) as error:
        raise ValueError(f"block {number}: {error}") from None


def parts_of(item: Any, number: int) -> tuple[Any, Any, Any]:
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        raise ValueError(
            f"block {number} must be (X, y) or (X, y, sample_weight), got {type(item).__name__}"
        )
    return (item[0], item[1], None if len(item) == 2 else item[2])
