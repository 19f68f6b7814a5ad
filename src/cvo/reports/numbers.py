"""How numbers are written for a reader: sign, currency, decimals, intervals."""

import math

import msgspec

from cvo.core.errors import InvalidInput
from cvo.core.evidence import Estimate, Interval, NotEstimable

MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """Writes the numbers of one column, axis or card; the number itself stays as it is.

    >>> Format(prefix="$", decimals=2).text(-1234.5)
    '−$1,234.50'
    >>> PERCENT.text(0.1828)
    '18.3\\xa0%'
    """

    prefix: str = ""
    suffix: str = ""
    decimals: int = 0
    factor: float = 1.0
    """What the number is multiplied by before it is written: 100 for a rate shown in per cent."""
    signed: bool = False
    """Write a plus before what is above zero: right for differences."""

    def text(self, value: float) -> str:
        """Write one number."""
        digits = f"{abs(value) * self.factor:,.{self.decimals}f}"
        is_zero = not any("1" <= digit <= "9" for digit in digits)
        sign = "" if is_zero else MINUS if value < 0 else "+" if self.signed else ""
        return f"{sign}{self.prefix}{digits}{self.suffix}"

    def interval(self, interval: Interval) -> str:
        """Write both ends of an interval, without its level."""
        return f"{self.text(interval.low)} to {self.text(interval.high)}"

    def estimate(self, estimate: Estimate | NotEstimable) -> str:
        """Write an estimate with its interval, or why there is none."""
        if isinstance(estimate, NotEstimable):
            return f"not estimable: {estimate.detail}"
        return f"{self.text(estimate.value)} ({self.interval(estimate.interval)})"


COUNT = Format()
PERCENT = Format(suffix="\N{NO-BREAK SPACE}%", decimals=1, factor=100)


def money_format(currency: str, *, decimals: int = 0, signed: bool = False) -> Format:
    """Return the format for amounts of a currency, given in major units.

    >>> money_format("EUR", signed=True).text(12), money_format("CHF", decimals=2).text(0.1)
    ('+€12', 'CHF\\xa00.10')
    """
    prefix = _SYMBOLS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    return Format(prefix=prefix, decimals=decimals, signed=signed)


def level_text(level: float) -> str:
    """Write the level of an interval, with as many nines as tell it from certainty.

    >>> level_text(0.95), level_text(0.995), level_text(1 - 0.05 / (47 * 48))
    ('95\\xa0% interval', '99.5\\xa0% interval', '99.998\\xa0% interval')
    """
    missing = 1.0 - level
    decimals = 2 if missing <= 0 else max(2, -math.floor(math.log10(missing * 100)))
    digits = f"{level * 100:.{decimals}f}".rstrip("0").rstrip(".")
    return f"{digits}\N{NO-BREAK SPACE}% interval"


def require_finite(where: str, *values: float | None) -> None:
    """Raise `InvalidInput` if a number that is to be drawn is NaN or infinite."""
    for value in values:
        if value is not None and not math.isfinite(value):
            raise InvalidInput(
                f"{where} holds {value}; hand in a NotEstimable with the reason, or leave it out"
            )


def require_drawable(where: str, estimate: Estimate | NotEstimable) -> None:
    """Raise `InvalidInput` if an estimate or its interval can't be drawn."""
    if isinstance(estimate, NotEstimable):
        return
    low, high = estimate.interval.low, estimate.interval.high
    require_finite(where, estimate.value, low, high)
    if low > high:
        raise InvalidInput(f"{where} has an interval from {low} to {high}; its ends are the wrong way round")
