"""Decisions and responses as the rows that pdstools reads, and the files they stand in.

pdstools (PyPI, Apache-2.0) is the open tool for analysing decision logs that users of Pega have. The names of columns
are its names, what is in them is ours; docs/pdstools.md says where the two differ.
"""

from cvo.connectors.pdstools.explanations import EXPLANATIONS, explanation_rows
from cvo.connectors.pdstools.files import write_rows
from cvo.connectors.pdstools.history import HISTORY, Interactions
from cvo.connectors.pdstools.impact import IMPACT, contrast_rows, programme_rows, weighed
from cvo.connectors.pdstools.labels import Labels, labels_of

__all__ = [
    "EXPLANATIONS",
    "HISTORY",
    "IMPACT",
    "Interactions",
    "Labels",
    "contrast_rows",
    "explanation_rows",
    "labels_of",
    "programme_rows",
    "weighed",
    "write_rows",
]
