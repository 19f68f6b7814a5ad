"""What an action would be worth: features to arrays, model snapshots, scores term by term."""
