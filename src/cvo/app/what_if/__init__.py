"""What if: a changed catalogue or changed settings, evaluated on the log before a customer sees them."""

from cvo.app.what_if.candidate import Candidate, read_candidate
from cvo.app.what_if.compare import WhatIf, what_if
from cvo.app.what_if.displaced import Displaced, Displacement, displacement
from cvo.app.what_if.estimators import DOUBLY_ROBUST, ESTIMATORS
from cvo.app.what_if.looks import Look
from cvo.app.what_if.parts import Part
from cvo.app.what_if.reach import Reach

__all__ = [
    "DOUBLY_ROBUST",
    "ESTIMATORS",
    "Candidate",
    "Displaced",
    "Displacement",
    "Look",
    "Part",
    "Reach",
    "WhatIf",
    "displacement",
    "read_candidate",
    "what_if",
]
