"""What the company could do: catalogue, rules, contact limits, drafts."""
