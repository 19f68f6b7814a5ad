"""Steps from each version of the schema to the next."""

HEAD = "0005"
"""The version this code reads and writes; opening compares it without loading the migration tool."""
