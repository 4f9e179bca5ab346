"""Parses the plan `sys.argv[1]` in a process that has done nothing else, and prints the seconds it took."""

import sys
import time
from pathlib import Path

from peal import formats


def main() -> None:
    """Read, parse, tell."""
    raw = Path(sys.argv[1]).read_bytes()
    began = time.perf_counter()
    formats.parse(raw, "plan.md")
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
