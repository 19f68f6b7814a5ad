"""What we do: a request and a person in, a frozen, logged, replayable decision out."""
