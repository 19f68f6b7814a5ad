from datetime import date

import polars as pl
import pytest

from cvo.core.evidence import NotEstimable
from cvo.lifetime import cdnow_sample, choose, predictions_of, purchase_days, score, with_holdout

AS_OF = date(1997, 12, 30)


@pytest.fixture(scope="module")
def choice():
    return choose(cdnow_sample(), horizon_days=90, until=AS_OF)


def test_scored_when_the_window_has_closed(choice):
    kept = predictions_of(choice, AS_OF)
    ours, naive = kept.scored(purchase_days(cdnow_sample()))
    held = with_holdout(choice.table, cdnow_sample(), since=AS_OF, until=kept.closes_on)
    assert ours == score(held["holdout_purchases"], choice.recalibrated)
    assert naive == score(held["holdout_purchases"], choice.naive)


def test_not_before(choice):
    known = purchase_days(cdnow_sample().filter(pl.col("date") < date(1998, 3, 1)))
    answer = predictions_of(choice, AS_OF).scored(known)
    assert isinstance(answer, NotEstimable)
    assert answer.reason == "window_open"
    assert "1998-03-30" in answer.detail


def test_the_version_is_the_content(choice):
    same = choose(cdnow_sample(), horizon_days=90, until=AS_OF)
    later = choose(cdnow_sample(), horizon_days=90, until=date(1998, 1, 31))
    assert predictions_of(choice, AS_OF).model_version == predictions_of(same, AS_OF).model_version
    assert predictions_of(choice, AS_OF).model_version != predictions_of(later, AS_OF).model_version
