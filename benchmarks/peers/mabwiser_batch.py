"""mabwiser's batch prediction; see `benchmarks/batch.py`."""

import time

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from serving import serve


def batch(actions, features, rows, jobs):
    """Seconds a decision of LinUCB takes in one call for many rows, after learning from a few thousand."""
    rng = np.random.default_rng(0)
    arms = list(range(actions))
    bandit = MAB(arms, LearningPolicy.LinUCB(alpha=1.0), seed=0, n_jobs=jobs)
    learned = 20 * actions
    context = rng.normal(size=(learned, features))
    bandit.fit(decisions=rng.choice(arms, learned), rewards=rng.integers(2, size=learned), contexts=context)
    context = rng.normal(size=(rows, features))
    start = time.perf_counter()
    bandit.predict(context)
    return (time.perf_counter() - start) / rows


if __name__ == "__main__":
    serve({"batch": batch})
