"""A run of a plan, from what was asked for to what is said at its end."""
