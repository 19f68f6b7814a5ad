"""Open Bandit Pipeline's estimators on arrays handed over in a file; see `benchmarks/ope.py`."""

import sys
import types

import numpy as np
from serving import serve


class _Absent(type):
    """Stands for torch, which `obp` imports for its neural networks only; no estimator here touches it."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(name, (), {})


class _AbsentModule(types.ModuleType):
    __getattr__ = _Absent.__getattr__


for _name in ("torch", "torch.nn", "torch.nn.functional", "torch.optim"):
    sys.modules[_name] = _AbsentModule(_name)

from obp.ope import (  # noqa: E402
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkage,
    InverseProbabilityWeighting,
    SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobust,
)
from obp.ope.estimators_embed import MarginalizedInverseProbabilityWeighting  # noqa: E402

ARRAYS = {}
ESTIMATORS = {}


def load(path, threshold, shrinkage):
    with np.load(path) as file:
        ARRAYS.update({name: file[name] for name in file.files})
    rows = len(ARRAYS["action"])
    # One distribution a row, as obp wants it.
    for name in ("action_dist", "pi_b"):
        ARRAYS[name] = np.tile(ARRAYS[name], (rows, 1, 1))
    ESTIMATORS.update(
        ips=InverseProbabilityWeighting(),
        snips=SelfNormalizedInverseProbabilityWeighting(),
        direct_method=DirectMethod(),
        doubly_robust=DoublyRobust(),
        switch_doubly_robust=SwitchDoublyRobust(lambda_=threshold),
        doubly_robust_shrunk=DoublyRobustWithShrinkage(lambda_=shrinkage),
        mips=MarginalizedInverseProbabilityWeighting(n_actions=ARRAYS["action_dist"].shape[1]),
    )
    return rows


def value(name):
    return float(ESTIMATORS[name].estimate_policy_value(**ARRAYS))


def value_and_interval(name, replicates):
    found = value(name)
    ESTIMATORS[name].estimate_interval(**ARRAYS, n_bootstrap_samples=replicates, random_state=0)
    return found


if __name__ == "__main__":
    serve({"load": load, "value": value, "value_and_interval": value_and_interval})
