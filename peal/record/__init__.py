"""What peal remembers: events, the history they add up to, and where both are kept."""
