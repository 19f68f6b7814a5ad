"""Ids, clock, money, evidence, random numbers and errors: the words every other package speaks."""
