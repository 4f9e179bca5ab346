"""A word to a person who does not look on: when it is due, what it says, and who carries it."""
