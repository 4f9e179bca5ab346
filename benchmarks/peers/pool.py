"""A pool of threads that never lets a place idle: `pool.py PLACES TASKS COMMAND...` runs two phases for each task."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    """Run the command twice for each task, `{task}` in it being the task's number."""
    places, tasks, *command = sys.argv[1:]
    with ThreadPoolExecutor(int(places)) as pool:
        list(pool.map(lambda number: _do(command, number), range(1, int(tasks) + 1)))


def _do(command: list[str], number: int) -> None:
    argv = [word.replace("{task}", str(number)) for word in command]
    for _phase in ("plan", "execute"):
        subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
