"""Rollouts: a candidate goes live on more and more customers, and is stopped or promoted by what they bring."""
