"""Experiments of a company, registered on the record and judged by the causal join; and experiments in a file."""
