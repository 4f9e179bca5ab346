"""What is built is whole and works elsewhere, and each peal tells which one it is."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from peal import __version__

ROOT = Path(__file__).parents[1]
STAMP = "peal/commit.txt"
NAME = f"peal_plans-{__version__}"
MADE = {"PKG-INFO", STAMP}
"""What a source distribution has beside all that is in the repository, and beside setuptools' own notes."""


@pytest.fixture
def checkout(tmp_path: Path, environment: dict[str, str]) -> Path:
    """This source as it is now, in a repository of its own with one commit."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    bare = ("git", f"--git-dir={folder / '.git'}", "-c", "user.name=A", "-c", "user.email=a@example.org")
    made_elsewhere = [f":(exclude){name}" for name in MADE]
    for words in (
        ("init", "-q"),
        (f"--work-tree={ROOT}", "add", "--all", "--", str(ROOT), *made_elsewhere),
        ("commit", "-qm", "first"),
        (f"--work-tree={folder}", "reset", "-q", "--hard"),
    ):
        done([*bare, *words], folder, environment)
    return folder


def done(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a command prints that ends well."""
    ended = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def python(*words: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, "-m", *words]


def head(checkout: Path, environment: dict[str, str]) -> str:
    """The commit, as long as it is told."""
    return done(["git", "rev-parse", "--short=12", "HEAD"], checkout, environment).strip()


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_what_is_built_has_all_that_it_needs(checkout: Path, environment: dict[str, str]) -> None:
    """The source is the repository, its wheel the package with all data; one that is built in the checkout is the same."""
    (checkout / "build/lib/peal").mkdir(parents=True)
    (checkout / "build/lib/peal/moved_since.py").touch()
    build = python("build", "--no-isolation", "--outdir")

    done([*build, "dist", "."], checkout, environment)
    done([*build, "direct", "--wheel", "."], checkout, environment)
    done(
        python("twine", "check", "--strict", f"dist/{NAME}.tar.gz", f"dist/{NAME}-py3-none-any.whl"),
        checkout,
        environment,
    )

    tracked = set(done(["git", "ls-files"], checkout, environment).splitlines())
    with tarfile.open(checkout / f"dist/{NAME}.tar.gz") as opened:
        source = {one.name.removeprefix(f"{NAME}/") for one in opened if one.isfile()}
    wheel, direct = (
        contents(checkout / folder / f"{NAME}-py3-none-any.whl") for folder in ("dist", "direct")
    )
    assert {name for name in source if not name.startswith("peal_plans.egg-info/")} == tracked | MADE
    package = {name for name in tracked if name.startswith("peal/")}
    assert {name for name in wheel if name.startswith("peal/")} == package | {STAMP}
    assert all(wheel[name] == (checkout / name).read_bytes() for name in package)
    assert wheel == direct
    assert wheel[STAMP].decode().strip() == head(checkout, environment)
    extras = re.findall("^Provides-Extra: (.+)$", wheel[f"{NAME}.dist-info/METADATA"].decode(), re.MULTILINE)
    assert {"notify", "cluster"} <= set(extras)


def test_a_wheel_works_where_this_folder_is_not(
    checkout: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """As the README has it made, but without the network: what peal depends on is lent by this Python."""
    away, place = tmp_path / "elsewhere", tmp_path / "installed"
    away.mkdir()
    pip = (*python("pip"), "--disable-pip-version-check")
    offline = ("--no-index", "--no-deps")
    done([*pip, "wheel", "--no-build-isolation", *offline, "--wheel-dir", "dist", "."], checkout, environment)
    done(python("venv", "--without-pip", str(place)), away, environment)
    wheel = str(checkout / f"dist/{NAME}-py3-none-any.whl")
    done(
        [*pip, "--python", str(place / "bin/python"), "install", "--no-compile", *offline, wheel],
        away,
        environment,
    )
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    peal, bin_ = str(place / "bin/peal"), str(place / "bin")
    (away / "plan.md").write_text("## Task 1: Say it\n\n```sh\necho ding >bell\n```\n", encoding="utf-8")

    told = done([peal, "--version"], away, {**environment, "PATH": bin_})
    asked = done([peal, "prompt"], away, environment)
    done(["git", "init", "-q"], away, environment)
    done([peal, "run", "plan.md", "--agent", "shell", "--no-commit"], away, environment)
    path = os.pathsep.join((bin_, environment["PATH"]))
    shown = done(
        ["bash", str(checkout / "examples/demo.sh")], away, {**environment, "PATH": path, "TMPDIR": str(away)}
    )

    assert told == f"peal {__version__} ({head(checkout, environment)})\n"
    assert asked == (ROOT / "peal/cli/plan_prompt.md").read_text(encoding="utf-8")
    assert (away / "bell").read_text() == "ding\n"
    assert "5 of 5 tasks complete" in shown


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(
    checkout: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Whatever an outer git says; where nobody knows the commit, the version alone is told."""

    def version(folder: Path = checkout, *words: str, **more: str) -> str:
        said = done(python("peal", *(words or ("--version",))), folder, {**environment, **more})
        return said.removeprefix(f"peal {__version__}").strip()

    commit = head(checkout, environment)
    other = tmp_path / "other"
    other.mkdir()
    (other / "peal").symlink_to(checkout / "peal")
    done(["git", "init", "-q"], other, environment)
    someone = ("-c", "user.name=B", "-c", "user.email=b@example.org")
    done(["git", *someone, "commit", "-q", "--allow-empty", "-m", "of theirs"], other, environment)

    steered = {
        "GIT_DIR": str(other / ".git"),
        "GIT_INDEX_FILE": str(other / "no-index"),
        "GIT_WORK_TREE": str(other),
    }
    assert version() == version(checkout, "-V", "--help") == version(**steered) == f"({commit})"
    assert version(other) == version(PATH=str(tmp_path)) == ""

    (checkout / "peal/new.py").touch()
    assert version() == f"({commit}, changed)"
    (checkout / "peal/new.py").unlink()
    (checkout / "README.md").write_text("another\n")
    assert version() == f"({commit}, changed)"
    done(["git", "update-ref", "-d", "HEAD"], checkout, environment)
    assert version() == ""
    (checkout / STAMP).write_text("0123456789ab\n")
    assert version() == "(0123456789ab)"
