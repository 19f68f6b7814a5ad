"""Money: an exact amount in one currency."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache

import msgspec

from cvo.core.errors import InvalidInput

# ISO 4217 exponents that are not 2, https://www.iso.org/iso-4217-currency-codes.html
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_MINOR_LIMIT = 2**53


class Money(msgspec.Struct, frozen=True, order=False):
    """An exact amount of one currency; amounts of two currencies never mix.

    >>> Money.of("0.10", "EUR") + Money.of(2, "EUR")
    2.10 EUR
    """

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, amount: Decimal | str | float, currency: str) -> "Money":
        """Make money from a number or its text; a float is taken by its shortest decimal text."""
        try:
            value = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise InvalidInput(f"{amount!r} is not an amount of money such as 19.90")
        return cls(value, currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> "Money":
        """Make money from whole minor units (cents for EUR, yen for JPY)."""
        return cls(Decimal(minor).scaleb(-minor_exponent(currency)), currency)

    def to_minor(self) -> int:
        """Return whole minor units, rounding half to even."""
        minor = int(self.amount.scaleb(minor_exponent(self.currency)).to_integral_value(ROUND_HALF_EVEN))
        if abs(minor) > _MINOR_LIMIT:
            raise InvalidInput(f"{self.amount} {self.currency} is out of range")
        return minor

    def minor_units(self) -> float:
        """Return minor units without rounding: an e-mail may cost a tenth of a cent."""
        return float(self.amount.scaleb(minor_exponent(self.currency)))

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __repr__(self) -> str:
        return f"{self.amount:,} {self.currency}"

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise InvalidInput(f"{self!r} and {other!r} are of two currencies; convert one first")
        return other.amount


@cache
def minor_exponent(currency: str) -> int:
    """Return the number of decimals of a currency's minor unit: 2 for EUR, 0 for JPY.

    >>> minor_exponent("EUR"), minor_exponent("JPY")
    (2, 0)
    """
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise InvalidInput(f"{currency!r} is not an ISO 4217 currency code such as EUR")
    return _EXPONENTS.get(currency, 2)


def minor_unit(currency: str) -> float:
    """Return what one minor unit is worth in major units: 0.01 for EUR, 1 for JPY.

    >>> minor_unit("EUR")
    0.01
    """
    return 10.0 ** -minor_exponent(currency)
