"""What peal itself costs, against peers measured in the same run: `python -m benchmarks`."""
