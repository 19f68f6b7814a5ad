"""Deciding for a million customers at once, on arrays: scores, prices, propensities and the draw from them."""
