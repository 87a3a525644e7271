"""Report the progress of long fits, to scikit-learn's callbacks (1.9 and later) and by a bar."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from fastreg._progress import draw_bar

Fit = TypeVar("Fit", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replace the class of scikit-learn 1.9."""

    def _with_callbacks(method: Any) -> Any:
        return method


def with_callbacks(fit: Fit) -> Fit:
    """Apply scikit-learn's decorator, and keep the type of `fit`."""
    return _with_callbacks(fit)


@contextlib.contextmanager
def told(estimator: Any, task: str, count: int, *, bar: Any) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each of `count` tasks of a fit, from any thread."""
    begin = getattr(estimator, "_init_callback_context", None)
    context = None if begin is None else begin(max_subtasks=count)
    lock, done = threading.Lock(), 0

    def tell() -> None:
        nonlocal done
        with lock:
            done += 1
            if bar:
                draw_bar(done, count)
            if context is not None:
                part = context.subcontext(task_name=task)
                part.call_on_fit_task_begin(estimator=estimator)
                part.call_on_fit_task_end(estimator=estimator)

    if context is not None:
        context.call_on_fit_task_begin(estimator=estimator)
    yield tell
    if context is not None:
        context.call_on_fit_task_end(estimator=estimator)


__all__ = ["CallbackSupportMixin", "told", "with_callbacks"]
