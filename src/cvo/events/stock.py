"""What is in stock: a fact about the company, that every customer's decision shares."""

import msgspec


class StockLevel(msgspec.Struct, frozen=True, array_like=True):
    """How many of a product there are at a place from now on; below zero is what is owed already."""

    product: str
    place: str
    quantity: int
