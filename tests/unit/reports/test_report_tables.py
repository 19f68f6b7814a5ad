import math

import pytest

from cvo.core.errors import InvalidInput
from cvo.core.evidence import NotEstimable
from cvo.reports import COUNT, Column, Table

COLUMNS = (Column("Policy"), Column("Margin", COUNT))


def test_a_row_of_the_wrong_length_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"'Result' has 2 columns and a row of 1"):
        Table(title="Result", columns=COLUMNS, rows=(("mens",),))


def test_a_number_needs_a_column_that_says_how_to_write_it():
    with pytest.raises(InvalidInput, match=r"'Policy' holds the number 0\.25"):
        Table(title="Result", columns=COLUMNS, rows=((0.25, 1),))


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(InvalidInput, match="'Margin' holds nan"):
        Table(title="Result", columns=COLUMNS, rows=(("mens", math.nan),))


def test_texts_and_reasons_may_stand_in_any_column():
    reason = NotEstimable("few", "too few buyers")
    table = Table(title="Result", columns=COLUMNS, rows=(("mens", "itself"), (reason, reason)))
    assert len(table.rows) == 2
