"""Peers that are a few lines of Python: run as scripts of their own, so that they pay for their start too."""
