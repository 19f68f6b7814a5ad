"""The grocer as a company: settings, and a catalogue of its 27 campaigns."""

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from cvo.app.config import FILE
from cvo.app.demo.journey.messages import CURRENCY, PLACEMENT
from cvo.core.errors import Conflict

OWNER = "owner"
MARGIN_RATE = 0.25
_TRAITS = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)


def make_company(folder: Path, campaigns: pl.DataFrame, seed: str) -> None:
    """Write settings and catalogue, unless they are there; raises `Conflict` for a company made otherwise."""
    settings, line = folder / FILE, f'seed = "{seed}"'
    if settings.exists():
        if line not in settings.read_text(encoding="utf-8").splitlines():
            raise Conflict(f"{folder} was not made by this demo with these options; name another --company")
        return
    (folder / "catalogue").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(catalogue_of(campaigns), sort_keys=False, allow_unicode=True)
    (folder / "catalogue" / "campaigns.yaml").write_text(text, encoding="utf-8")
    # The settings come last: a folder with them has everything.
    settings.write_text(
        f'name = "Complete Journey"\ncurrency = "{CURRENCY}"\ntime_zone = "UTC"\n{line}\nowners = ["{OWNER}"]\n',
        encoding="utf-8",
    )


def catalogue_of(campaigns: pl.DataFrame) -> dict[str, Any]:
    """Return the catalogue as its YAML file maps it; campaigns that are over are retired."""
    return {
        "teams": {"marketing": {"name": "Marketing"}},
        "channels": {"mail": {"consent": "opt-out"}},
        "placements": {
            PLACEMENT: {"channel": "mail", "description": "The campaign's mailing with its coupons"}
        },
        "actions": {row["campaign"]: _action(row) for row in campaigns.iter_rows(named=True)},
        "traits": {name: {"type": "string"} for name in _TRAITS},
        "assumptions": {
            "margin_rate": {
                "value": MARGIN_RATE,
                "because": "The data has sales, not margin; a quarter is what grocers' accounts usually show.",
            }
        },
    }


def _action(row: dict[str, Any]) -> dict[str, Any]:
    days = (row["end"] - row["start"]).days + 1
    return {
        "team": "marketing",
        "stage": "grow",
        "status": "retired",
        "name": f"Campaign {int(row['campaign'][-2:])}, {row['type'].lower()}",
        # The data does not say what a mailing cost.
        "contact_cost": 0.0,
        "response": "accepted",
        "window_days": days,
        "attributes": {"type": row["type"]},
        "creatives": {f"{row['campaign']}-mailing": {"placement": PLACEMENT}},
    }
