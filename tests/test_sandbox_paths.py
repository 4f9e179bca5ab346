"""What a person adds to what in a sandbox is hidden and may be written, and services that are out of its sight."""

import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import SANDBOX, Repo, eventually, shell_plan
from sandboxes import needs_bubblewrap

pytestmark = [
    needs_bubblewrap,
    pytest.mark.skipif(bool(SANDBOX), reason="asks for a sandbox, or none, itself"),
]
SECRET = "b7Q-secret"
SERVICE = r"~/a\ service"


@pytest.fixture
def home(project: Repo, tmp_path: Path) -> Path:
    """A home folder with a file."""
    made = tmp_path / "home"
    made.mkdir()
    (made / "notes").write_text(f"{SECRET}\n", encoding="ascii")
    project.env |= {"HOME": str(made), "PY": "python3"}
    return made


@pytest.fixture
def in_sandbox(project: Repo, home: Path) -> Callable[..., tuple[str, str]]:
    """Carries out a script in a sandbox: what the run and the script have printed."""

    def carry_out(script: str, *words: str, sandbox: str = "bubblewrap") -> tuple[str, str]:
        project.write("plan.md", shell_plan(script))
        said = project.peal("run", "plan.md", "--agent", "shell", "--sandbox", sandbox, *words).stdout
        (printed,) = project.path.glob(".peal/plan-*/attempts/*-execute-1/stdout")
        return said, printed.read_text(encoding="utf-8")

    return carry_out


def test_what_is_named_as_hidden_is_neither_read_nor_written(
    home: Path, in_sandbox: Callable[..., tuple[str, str]]
) -> None:
    (home / "folder").mkdir()
    (home / "folder/file").write_text(SECRET, encoding="ascii")

    _, printed = in_sandbox(
        "cat ~/notes ~/folder/file || true; ls -A ~/folder; echo x >~/folder/new || true",
        "--sandbox-hidden",
        "~/notes ~/folder",
    )

    assert printed == ""
    assert not (home / "folder/new").exists()


def test_the_innermost_of_what_is_named_holds(home: Path, in_sandbox: Callable[..., tuple[str, str]]) -> None:
    for name in ("open/closed", "closed/open"):
        (home / name).mkdir(parents=True)
        (home / name / "file").write_text(f"{name}\n", encoding="ascii")

    _, printed = in_sandbox(
        "for each in open open/closed closed closed/open; do echo x >~/$each/new || true; done; cat ~/open/closed/file ~/closed/open/file || true",
        "--sandbox-hidden",
        "~/closed ~/open/closed",
        "--sandbox-writable",
        "~/open ~/closed/open",
    )

    assert printed == "closed/open\n"
    assert {path.parent.relative_to(home).as_posix() for path in home.rglob("new")} == {"open", "closed/open"}


def test_names_lead_from_the_repository_and_where_links_lead(
    project: Repo, home: Path, tmp_path: Path, in_sandbox: Callable[..., tuple[str, str]]
) -> None:
    project.write("kept/file", SECRET)
    (home / "link").symlink_to(tmp_path / "elsewhere with blanks")
    (tmp_path / "elsewhere with blanks").mkdir()

    _, printed = in_sandbox(
        f"cat {shlex.quote(str(project.path))}/kept/file || true; echo x >~/link/new",
        "--sandbox-hidden",
        "kept",
        "--sandbox-writable",
        "~/link",
    )

    assert printed == ""
    assert (tmp_path / "elsewhere with blanks/new").exists()


@pytest.mark.parametrize(
    ("sandbox", "told"),
    [
        ("bubblewrap", "`sandbox_hidden` makes no difference for what is not there: `~/ntoes`"),
        ("bubblewrap", "`sandbox_writable` makes no difference for what is not there: `~/new`"),
        ("env A=b", "`sandbox_hidden` means nothing to the wrapper `env`: what it hides and lets in is in its own words"),
        ("none", "`sandbox_hidden` hides nothing, for there is no sandbox; `--sandbox auto` makes one"),
    ],
)  # fmt: skip
def test_what_is_named_for_nothing_is_told(
    in_sandbox: Callable[..., tuple[str, str]], sandbox: str, told: str
) -> None:
    named = ("--sandbox-hidden", "~/notes ~/ntoes", "--sandbox-writable", "~/new")

    said, _ = in_sandbox("true", *named, sandbox=sandbox)

    assert said.splitlines().count(told) == 1


# --- services


@pytest.fixture
def listen() -> Iterator[Callable[[Path], None]]:
    """Has a service listen there."""
    with ExitStack() as stack:

        def begin(path: Path) -> None:
            service = stack.enter_context(socket.socket(socket.AF_UNIX))
            service.bind(str(path))
            service.listen()

        yield begin


def _connected(path: str) -> str:
    """A script that says whether a service there is spoken to."""
    talk = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print('spoken to')"
    return f"$PY -I -c {shlex.quote(talk)} {path} || echo not there"


def test_no_service_is_spoken_to_wherever_it_listens(
    home: Path, listen: Callable[[Path], None], in_sandbox: Callable[..., tuple[str, str]]
) -> None:
    listen(home / "a service")

    _, printed = in_sandbox(f"{_connected(SERVICE)}; cat ~/notes")

    assert printed == f"not there\n{SECRET}\n"


def test_a_service_that_is_named_is_let_in(
    home: Path, listen: Callable[[Path], None], in_sandbox: Callable[..., tuple[str, str]]
) -> None:
    listen(home / "service")

    _, printed = in_sandbox(_connected("~/service"), "--sandbox-writable", "~/service")

    assert printed == "spoken to\n"


def test_a_service_that_has_ended_is_in_nobody_s_way(
    project: Repo, home: Path, listen: Callable[[Path], None]
) -> None:
    """What has its name later is no service."""
    listen(home / "service")
    ended = "touch $OUT/begun; until [ -e ~/ended ]; do sleep 0.02; done"
    project.write("plan.md", shell_plan(ended, "cat ~/service"))
    out = home / "out"
    out.mkdir()
    project.env |= {"OUT": str(out)}
    words = ("--sandbox", "bubblewrap", "--sandbox-writable", "~/out")
    process = project.start("run", "plan.md", "--agent", "shell", *words)
    eventually((out / "begun").exists)
    (home / "service").unlink()
    (home / "service").write_text("a file\n", encoding="ascii")
    (home / "ended").touch()

    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    (printed,) = project.path.glob(".peal/plan-*/attempts/002-execute-1/stdout")
    assert printed.read_text(encoding="ascii") == "a file\n"
