"""Carries out written plans with coding-agent CLIs, unattended."""

__version__ = "0.1.0"
