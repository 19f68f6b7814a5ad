"""What an action is believed to be like before, and beside, its own outcomes: pooling, forgetting, new actions."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cvo.core.errors import InvalidInput
from cvo.learning.arrays import FloatArray, Stored, as_indices
from cvo.learning.pooling import pool
from cvo.learning.response import ResponseModel, new_model, pooled_noise


def forget(model: ResponseModel, keep: float) -> ResponseModel:
    """Return the model with its data worth `keep` of before: exponential forgetting towards the prior.

    Meant for each elapsed day, with `keep = 0.5 ** (1 / half_life_days)`. Raises `InvalidInput` outside
    [0, 1].
    """
    if not 0.0 <= keep <= 1.0:
        raise InvalidInput(f"keep is {keep}; it is the share of the data's weight that remains, 0 to 1")
    information, potential = _own_data(model)
    kept = msgspec.structs.replace(
        model, weight=Stored.of(model.weight.read() * keep), squares=Stored.of(model.squares.read() * keep)
    )
    return _posterior(kept, information * keep, potential * keep)


def pooled(model: ResponseModel, groups: Sequence[Any] = (), *, prior_strength: float = 2.0) -> ResponseModel:
    """Return the model with every action's prior learned from the other actions' data (see `pooling.pool`).

    `groups` holds one vector of k group numbers per level, such as team, stage and channel.
    """
    model = msgspec.structs.replace(model, prior_noise=pooled_noise(model))
    information, potential = _own_data(model)
    scale = model.noise[:, None]
    levels = [as_indices(level, None, "groups") for level in groups]
    prior = pool(
        information / scale[:, :, None],
        potential / scale,
        levels,
        model.assumed_mean.read(),
        model.assumed_variance.read(),
        prior_strength=prior_strength,
    )
    moved = msgspec.structs.replace(
        model,
        prior_mean=Stored.of(prior.mean),
        prior_covariance=Stored.of(prior.covariance / scale[:, :, None]),
    )
    return _posterior(moved, information, potential)


def with_new_actions(model: ResponseModel, count: int) -> ResponseModel:
    """Return the model with `count` actions added that know only the assumptions; `pooled` teaches them."""
    added = new_model(
        count,
        model.assumed_mean.read(),
        np.sqrt(model.assumed_variance.read()),
        link=model.link,
        noise_variance=model.prior_noise,
    )
    names = ("prior_mean", "prior_covariance", "mean", "covariance", "weight", "squares")
    joined = {
        name: Stored.of(np.concatenate([getattr(model, name).read(), getattr(added, name).read()]))
        for name in names
    }
    return msgspec.structs.replace(model, **joined)


def _own_data(model: ResponseModel) -> tuple[FloatArray, FloatArray]:
    """What each action's own rows say: posterior less prior, in information form; exactly 0 without rows.

    In units of the action's noise, as the covariances are.
    """
    has_data = model.weight.read() > 0
    before, after = np.linalg.inv(model.prior_covariance.read()), np.linalg.inv(model.covariance.read())
    information = (after - before) * has_data[:, None, None]
    potential = np.einsum("kij,kj->ki", after, model.mean.read())
    potential = (potential - np.einsum("kij,kj->ki", before, model.prior_mean.read())) * has_data[:, None]
    return (information + information.transpose(0, 2, 1)) / 2, potential


def _posterior(model: ResponseModel, information: FloatArray, potential: FloatArray) -> ResponseModel:
    before = np.linalg.inv(model.prior_covariance.read())
    covariance = np.linalg.inv(before + information)
    target = potential + np.einsum("kij,kj->ki", before, model.prior_mean.read())
    has_data = (model.weight.read() > 0)[:, None]
    mean = np.where(has_data, np.einsum("kij,kj->ki", covariance, target), model.prior_mean.read())
    covariance = np.where(
        has_data[:, :, None], (covariance + covariance.transpose(0, 2, 1)) / 2, model.prior_covariance.read()
    )
    return msgspec.structs.replace(model, mean=Stored.of(mean), covariance=Stored.of(covariance))
