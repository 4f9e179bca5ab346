"""Policies that decide what starts next; pure, one file each."""
