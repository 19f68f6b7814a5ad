"""Steps from each version of the schema to the next."""

HEAD = "0006"
"""The version this code reads and writes; opening compares it without loading the migration tool."""
