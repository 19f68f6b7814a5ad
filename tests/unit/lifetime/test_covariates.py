import numpy as np
import pytest

from cvo.core.errors import InvalidInput
from cvo.lifetime import BgNbd, CovariateFit, MbgNbd, ParetoNbd, fit_with_covariates


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        (ParetoNbd, {"alpha": (0.5, 0.0), "beta": (0.0, -0.6)}),
        (MbgNbd, {"alpha": (0.5, 0.0), "a": (0.0, 0.4), "b": (0.0, 0.0)}),
        (BgNbd, {"alpha": (0.5, 0.0), "a": (0.0, 0.4), "b": (0.0, 0.0)}),
    ],
)
def test_coefficients_come_back(model, truth):
    rng = np.random.default_rng(0)
    known = np.column_stack([rng.integers(0, 2, 12_000), rng.normal(0, 1, 12_000)])
    base = dict(
        zip(
            model.names(),
            (0.6, 5.0, 0.8, 2.0) if model is not ParetoNbd else (0.6, 5.0, 0.7, 10.0),
            strict=True,
        )
    )
    people = model(
        **{n: v * np.exp(known @ np.array(truth[n])) if n in truth else v for n, v in base.items()}
    )
    seen = people.simulate(np.full(12_000, 45.0), rng)
    fit = fit_with_covariates(model, seen.frequency, seen.recency, seen.T, known)
    assert isinstance(fit, CovariateFit)
    for name, slopes in truth.items():
        for slope, found, error in zip(
            slopes, fit.coefficients[name], fit.standard_errors[name], strict=True
        ):
            assert found == pytest.approx(slope, abs=4 * error)
            assert error < 0.6
    assert fit.log_likelihood > fit.plain.log_likelihood + 20
    own = fit.model_for(known)
    assert own.log_likelihood(seen.frequency, seen.recency, seen.T).sum() == pytest.approx(
        fit.log_likelihood, rel=1e-9
    )


def test_noise_gains_nothing_to_speak_of():
    rng = np.random.default_rng(3)
    seen = MbgNbd(0.6, 5.0, 0.8, 2.0).simulate(np.full(3000, 40.0), rng)
    fit = fit_with_covariates(MbgNbd, seen.frequency, seen.recency, seen.T, rng.normal(size=(3000, 1)))
    # Twice the gain is χ² with 3 degrees of freedom: above 16.3 once in a thousand.
    assert 0 <= 2 * (fit.log_likelihood - fit.plain.log_likelihood) < 16.3


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (np.ones((20, 1)), "constant"),
        (np.ones((3, 1)), "3 rows of covariates for 20"),
        (np.full((20, 1), np.nan), "finite"),
    ],
)
def test_useless_covariates_are_refused(known, message):
    with pytest.raises(InvalidInput, match=message):
        fit_with_covariates(BgNbd, [1] * 20, [3] * 20, [5] * 20, known)
