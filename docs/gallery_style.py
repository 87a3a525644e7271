"""The style of the pictures of the gallery, which sphinx-gallery asks for before each example."""

from pathlib import Path

import matplotlib as mpl


def reset(conf: object, name: str) -> None:
    """Begin each example with the same style."""
    mpl.rcdefaults()
    mpl.style.use(Path(__file__).parent / "gallery.mplstyle")
