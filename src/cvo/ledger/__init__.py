"""What it was worth: outcomes joined to decisions in two ways that never mix, accounts, caused value."""
