"""History: what was attempted, found again and reviewed."""
