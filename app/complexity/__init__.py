"""The complexity gate: what a step costs, with and without a cache, derived by the candidate."""
