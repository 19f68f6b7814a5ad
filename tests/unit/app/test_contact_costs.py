"""What contacts cost where the log is asked again: a bundle costs what all of its actions cost."""

import numpy as np

from cvo.app.what_if.log import Log
from cvo.app.what_if.reach import contact_costs
from tests.unit.decisions.test_bundles import cases, policy


def test_the_first_action_of_a_bundle_costs_what_all_of_it_costs_where_it_stands_for_it():
    options = ["boot", "care", "gone", "hat", ""]
    log = Log(
        cases=[*cases(1), *cases(1, placement="mail"), *cases(1, placement="closed")],
        models=[None] * 3,
        options=options,
        got=np.zeros(3, np.int64),
        probabilities=np.full((3, 5), 0.2),
        margin=np.zeros(3),
        features={},
        kinds={},
        design=np.ones((3, 1)),
        window_days=7,
    )
    alone = [0.10, 0.25, 0.0, 0.05, 0.0]
    np.testing.assert_allclose(
        contact_costs(policy().catalogue, log), [[0.35, 0.25, 0.0, 0.05, 0.0], alone, alone]
    )
