from datetime import date, timedelta

import polars as pl
import pytest

from cvo.lifetime import ParetoNbd, Unit, Window, cdnow_sample, purchase_days, weekly_repeats


def test_weeks_add_up_to_the_totals():
    purchases = purchase_days(cdnow_sample())
    until, end = date(1997, 9, 30), date(1998, 6, 30)
    window = Window.at(purchases, until, 273, Unit.WEEK)
    fit = ParetoNbd.fit_histories(window.histories)
    weeks = weekly_repeats(fit.model, window.table, purchases, until=until, end=end, unit=Unit.WEEK)
    assert weeks.height == 38 + 39
    assert weeks["week"][38] == until + timedelta(days=1)
    later = weeks.filter(pl.col("week") > until)
    assert later["actual"].sum() == window.bought.sum() == 1882
    assert later["expected"].sum() == pytest.approx(
        fit.model.expected_purchases(39, *window.histories.columns).sum(), rel=1e-9
    )
    # The model was fitted to what came before, so its total there is about right; the days cut off are few.
    before = weeks.filter(pl.col("week") <= until)
    assert before["actual"].sum() == pytest.approx(window.table["frequency"].sum(), rel=0.02)
    assert before["expected"].sum() == pytest.approx(before["actual"].sum(), rel=0.05)
