"""What customers bring in the window after a decision, and what was to be expected of them before it."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cvo.actions.catalogue import Catalogue
from cvo.actions.situation import Situation
from cvo.app.company import Company
from cvo.app.history import moments
from cvo.app.state import kept_catalogue
from cvo.core.clock import DAY, Instant
from cvo.core.evidence import NotEstimable
from cvo.core.money import minor_unit
from cvo.events.event import Event
from cvo.inference import Predict, ridge_per_action
from cvo.ledger.causal import triggers
from cvo.ledger.margin import margins, sums_within
from cvo.ledger.tables import Tables, tabulate
from cvo.valuation.assumptions import assumptions_of
from cvo.valuation.encoder import Encoder, fit_encoder
from cvo.valuation.features import FeatureReader

FloatArray = NDArray[np.float64]

LEAST_WINDOWS = 100
"""Fewest closed windows from before a rollout that say what is to be expected of a customer."""


class Expectation(msgspec.Struct, frozen=True, eq=False):
    """What windows closed before a rollout teach about one to come; `sd` is of what it leaves unexplained."""

    reader: FeatureReader
    encoder: Encoder
    predict: Predict
    sd: float

    def of(self, situations: Sequence[Situation]) -> FloatArray:
        """Return the expected outcome (n,) of each situation, in major units."""
        design = self.encoder.transform(self.reader.values(situations), len(situations))
        return self.predict(design[:, 1:])[:, 0]


class Outcomes:
    """The log of a company as a rollout reads it, with the catalogue that ran when the rollout began."""

    def __init__(self, company: Company, catalogue: str, window_days: int) -> None:
        self._currency, self._days = company.config.currency, window_days
        self._catalogue: Catalogue = kept_catalogue(company.store, catalogue)
        self._facts: list[Event] = list(company.store.events())
        self.tables: Tables = tabulate(self._facts, self._currency)
        self._situations: dict[tuple[bytes, Instant], Situation] | None = None

    def net(self, starts: pl.DataFrame) -> FloatArray:
        """Return margin less the cost of contacts and of service (n,) in the window after each start, in major units.

        By customer and time alone, one query whoever decided: the causal join.
        """
        rate = assumptions_of(self._catalogue)["margin_rate"].value
        money = margins(self.tables.orders, self.tables.refunds, rate, self.tables.costs).with_columns(
            pl.col("margin_minor") - pl.col("service_cost_minor")
        )
        contacts = self.tables.decisions.filter(pl.col("delivered") != "").select(
            "person_id", "at", (-pl.col("contact_cost_minor")).alias("margin_minor")
        )
        both = pl.concat(
            [money.with_columns(pl.col("margin_minor").cast(pl.Float64)), contacts], how="diagonal"
        ).with_columns(pl.col(pl.Int64).fill_null(0))
        net = sums_within(starts, both, self._days)["margin_minor"].to_numpy()
        return np.asarray(net, dtype=np.float64) * minor_unit(self._currency)

    def expectation(self, before: Instant) -> Expectation | NotEstimable:
        """Return what the windows that had closed `before` a time lead one to expect."""
        rows = triggers(self.tables.decisions, self._days, before)
        if rows.height < LEAST_WINDOWS:
            return NotEstimable(
                "too few windows",
                f"{rows.height} windows of {self._days} days closed before; {LEAST_WINDOWS} tell what is usual",
            )
        reader = FeatureReader(self._catalogue, self._currency)
        values = reader.values(self.situations(rows))
        encoder = fit_encoder(reader.kinds, values)
        design, net = encoder.transform(values, rows.height)[:, 1:], self.net(rows)
        predict = ridge_per_action(1)(design, np.zeros(len(net), dtype=np.int64), net)
        return Expectation(reader, encoder, predict, float((net - predict(design)[:, 0]).std()))

    def situations(self, starts: pl.DataFrame) -> list[Situation]:
        """Return the situation in which each decision was made, as it was just before."""
        if self._situations is None:
            self._situations = {}
            for moment in moments(self._facts):
                self._situations.setdefault((moment.person_id, moment.situation.at), moment.situation)
        keys = starts.select("person_id", "at").rows()
        return [self._situations[person_id, at] for person_id, at in keys]

    def closed(self, starts: pl.DataFrame, after: Instant, until: Instant) -> pl.DataFrame:
        """Return the starts whose windows closed after one time and by another."""
        ends = pl.col("at") + self._days * DAY
        return starts.filter((ends > after) & (ends <= until))
