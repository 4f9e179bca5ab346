"""Attempts on other machines: what passes through a pipe, what stands at its far end, and who goes where."""
