"""Init: a new company's folder, with a catalogue to start from that explains itself."""

import secrets
from importlib import resources
from pathlib import Path

import msgspec

from cvo.app.config import FILE, Config
from cvo.core.errors import Conflict

_TOML = """name = {name}
currency = {currency}
time_zone = {time_zone}
# Keys every draw, coin and arm, and customers' internal ids. Made once; never change it, and keep it secret.
seed = {seed}
owners = [{owner}]

[decisions]
control_rate = 0.05   # customers who are left alone, to measure the whole programme against
withheld_rate = 0.05  # chosen deliveries withheld by a coin, to measure each action
floor = 0.02          # probability spread evenly over all options, so that every choice can be evaluated
exploration = 0.25    # factor on the scores' standard deviations in the draw
"""


def init(
    folder: Path, name: str, currency: str, *, owner: str, time_zone: str = "UTC", seed: str | None = None
) -> None:
    """Write a new company's settings and a first catalogue to edit.

    `seed` is drawn if not given. Raises `Conflict` where there is a company already, `InvalidInput` for a
    currency or time zone that does not exist.
    """
    file = folder / FILE
    if file.exists():
        raise Conflict(f"{file} is there already; `cvo apply` takes over changes to its catalogue")
    config = Config(
        name=name, currency=currency, seed=seed or secrets.token_hex(16), time_zone=time_zone, owners=[owner]
    )
    (folder / "catalogue").mkdir(parents=True, exist_ok=True)
    start = resources.files(__package__) / "starter.yaml"
    (folder / "catalogue" / "catalogue.yaml").write_text(start.read_text(encoding="utf-8"), encoding="utf-8")
    text = _TOML.format(
        name=_quoted(config.name),
        currency=_quoted(config.currency),
        time_zone=_quoted(config.time_zone),
        seed=_quoted(config.seed),
        owner=_quoted(owner),
    )
    file.write_text(text, encoding="utf-8")


def _quoted(text: str) -> str:
    """TOML's basic strings escape as JSON's do."""
    return msgspec.json.encode(text).decode()
