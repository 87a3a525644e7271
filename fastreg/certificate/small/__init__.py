"""The certificate of one point of a small dense problem: one jitted call, a read of X of its own.

The formulas are those of `fastreg.certificate`, of a single point and every loss; what they say of
a penalty is said of a box, Σ l1_j│θ_j│ over low ≤ θ ≤ high.
"""

from fastreg.certificate.small.box import Box, box_of
from fastreg.certificate.small.losses import knows
from fastreg.certificate.small.point import Point, judged

__all__ = ["Box", "Point", "box_of", "judged", "knows"]
