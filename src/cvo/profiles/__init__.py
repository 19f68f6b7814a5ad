"""What we know of one customer, and what rules and features may ask about it."""
