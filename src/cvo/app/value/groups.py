"""Groups of customers that a report is split by: a trait as it was first stated, a category feature, the segment."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import polars as pl

from cvo.actions.catalogue import Catalogue
from cvo.actions.situation import Situation
from cvo.app.company import Company
from cvo.app.state import running_catalogue
from cvo.core.errors import InvalidInput
from cvo.core.ids import PersonId
from cvo.events.event import TraitsSet
from cvo.valuation.features import FeatureReader

SEGMENT = "segment"
"""Stands for all category features of the catalogue together."""
UNKNOWN = "not known"
MOST_GROUPS = 100


def groups_of(company: Company, by: Sequence[str]) -> pl.DataFrame:
    """Return `person_id` and `group` for every person, the groups of several columns joined by commas.

    A trait counts as it was first stated: what it became later the programme may have changed. A category feature is as
    the profile stands. Raises `InvalidInput` for a column that is neither, and where too many values make no groups.
    """
    catalogue, people = running_catalogue(company.store), [each.person_id for each in company.store.persons()]
    columns = [column for name in by for column in _columns(company, catalogue, name, people)]
    if not columns:
        raise InvalidInput(f"--by {SEGMENT}: the catalogue has no category features, so all are one segment")
    found = pl.DataFrame(
        {"person_id": people, "group": [", ".join(levels) for levels in zip(*columns, strict=True)]},
        schema={"person_id": pl.Binary, "group": pl.String},
    )
    count = found["group"].n_unique()
    if count > MOST_GROUPS:
        raise InvalidInput(
            f"--by {','.join(by)} makes {count:,} groups, and at most {MOST_GROUPS} can be shown; choose a trait with "
            "few values, or declare a category feature"
        )
    return found


def _columns(
    company: Company, catalogue: Catalogue, name: str, people: Sequence[PersonId]
) -> Iterator[list[str]]:
    kinds = {key: feature.kind for key, feature in catalogue.features.items()}
    if name in catalogue.traits:
        yield _first_stated(company, name, people)
    elif name == SEGMENT or kinds.get(name) == "category":
        read = _features(company, catalogue)
        yield from ([_level(each) for each in read[key]] for key in read if name in {SEGMENT, key})
    else:
        known = sorted({*catalogue.traits, *(key for key, kind in kinds.items() if kind == "category")})
        raise InvalidInput(
            f"--by {name} is neither a trait nor a category feature; known: {SEGMENT}, " + ", ".join(known)
        )


def _first_stated(company: Company, trait: str, people: Sequence[PersonId]) -> list[str]:
    stated: dict[PersonId, str] = {}
    events = company.store.events((TraitsSet,))
    for person_id, facts in groupby(events, key=lambda event: event.person_id):
        values = (event.body.traits.get(trait) for event in facts if isinstance(event.body, TraitsSet))
        first = next((value for value in values if value is not None), None)
        stated[person_id] = _level(first)
    return [stated.get(person_id, UNKNOWN) for person_id in people]


def _features(company: Company, catalogue: Catalogue) -> dict[str, list[object]]:
    now = company.clock.now()
    here = [Situation(person.profile, now, "", "") for person in company.store.persons()]
    reader = FeatureReader(catalogue, company.config.currency)
    values = reader.values(here)
    return {name: values[name] for name, kind in reader.kinds.items() if kind == "category"}


def _level(value: object) -> str:
    return UNKNOWN if value is None else str(value).lower() if isinstance(value, bool) else str(value)
