"""Writes the streams of `benchmarks/reward.py` that come with scikit-learn and river; no download."""

import sys

import numpy as np
from river.datasets import ImageSegments
from sklearn.datasets import load_digits

digits = load_digits()
segments = list(ImageSegments())
np.savez(
    sys.argv[1],
    digits_features=digits.data,
    digits_labels=digits.target,
    segment_features=np.array([list(features.values()) for features, _ in segments]),
    segment_labels=np.unique([label for _, label in segments], return_inverse=True)[1],
)
