"""Facts about customers: what they are, how they come in, and which of them belong to one person."""
