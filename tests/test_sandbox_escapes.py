"""Every way out of its worktree that an agent may try, with and without a sandbox, as root and as anybody; docs/sandbox.md tells the same."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from conftest import Repo, sample, shell_plan
from escapes import SECRET, TABLE, Attempt, Seen, page
from sandboxes import needs_bubblewrap, why_no_bubblewrap

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
PYTHON = os.path.realpath(sys.executable)
_MARK = "%%attempt"
_END = "%%end"
_SECRETS = {
    ".ssh/id_ed25519": "ssh", ".aws/credentials": "aws", ".git-credentials": "git", ".codex/auth.json": "codex",
    ".bash_history": "history", "notes.txt": "notes", "linked": "linked", "kept/file": "kept", ".claude.json": "claude", ".env": "home-env",
}  # fmt: skip


@pytest.fixture
def who(request: pytest.FixtureRequest) -> str:
    """As whom peal is run."""
    assert isinstance(request.param, str)
    is_root = os.geteuid() == 0
    if request.param == "root":
        if not is_root:
            pytest.skip("these tests are not run as root")
        return "root"
    if is_root and (why := _why_no_user()):
        pytest.skip(why)
    return "user"


def _why_no_user() -> str:
    """Why a user who is not root cannot run peal here; empty if that works."""
    asked = shlex.join(
        [sys.executable, "-c", "import peal.cli.app"]
    )  # by a shell: what setpriv itself starts may still do more
    words = [*AS_NOBODY, "sh", "-c", f"exec {asked}"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd="/")
    if done.returncode:
        return f"nobody cannot run this Python: {done.stderr.strip()[-200:]}"
    return why_no_bubblewrap(AS_NOBODY)


@pytest.fixture
def base(who: str) -> Iterator[Path]:
    """A folder that this user can get to, unlike those of tests; not below the home folder."""
    made = Path(tempfile.mkdtemp(prefix="peal-escapes-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def own(project: Repo, base: Path, who: str) -> Repo:
    """The repository of this user, with a home folder full of secrets."""
    home, path = base / "home", base / "repo"
    shutil.copytree(project.path, path, symlinks=True)
    before = AS_NOBODY if who == "user" and os.geteuid() == 0 else ()
    made = Repo(path, dict(project.env), before=before, cold=bool(before))
    for name in ("GIT_CONFIG_GLOBAL", "PEAL_SANDBOX"):
        made.env.pop(name, None)
    made.env |= {"HOME": str(home), "REPO": str(path), "PY": PYTHON}
    for name, secret in _SECRETS.items():
        _put(home / name, f"{SECRET}-{secret}\n")
    _put(home / ".gitconfig", f'[http "https://example.org"]\n\textraheader = "X: {SECRET}-global-token"\n')
    return made


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _handed_over(own: Repo, *more: Path) -> None:
    """Everything belongs to whoever runs peal."""
    if own.before:
        places = [str(own.path), own.env["HOME"], *map(str, more)]
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", *places], check=True)


class Services:
    """What listens on this machine, and whether somebody has spoken to it."""

    def __init__(self) -> None:
        self.heard: dict[str, bool] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def listen(self, name: str, family: int, address: object) -> socket.socket:
        """Have a service listen there."""
        listening = self._stack.enter_context(socket.socket(family))
        listening.bind(address)
        listening.listen()
        if isinstance(address, str) and not address.startswith("\0"):
            Path(address).chmod(0o777)
        self.heard[name] = False
        thread = threading.Thread(target=self._hear, args=(name, listening))
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(listening.shutdown, socket.SHUT_RDWR)
        return listening

    def _hear(self, name: str, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                talk, _ = listening.accept()
                with talk:
                    self.heard[name] = bool(talk.recv(9)) or self.heard[name]


@contextmanager
def _world(own: Repo, base: Path, who: str) -> Iterator[Services]:
    """Everything that is not the agent's."""
    home, shared = Path(own.env["HOME"]), base / "shared"
    shared.mkdir()
    _put(shared / "secret", f"{SECRET}-tmp\n")
    own.write(".gitignore", ".env*\nlinked\n")
    own.write("app/code", "1\n")
    own.write(
        "peal.toml",
        "worktree_setup = '''sh -c 'ln \"$HOME/linked\" linked || cp \"$HOME/linked\" linked' '''\n",
    )
    own.git("add", ".")
    own.git("commit", "-qm", "world")
    own.git("branch", "yours")
    own.write("app/code", f"{SECRET}-stash\n")
    own.git("stash")
    own.git("init", "-q", "--bare", str(home / "remote.git"))
    own.git("remote", "add", "origin", str(home / "remote.git"))
    own.git("config", "http.https://example.com.extraheader", f"Authorization: {SECRET}-token")
    loose = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        input="loose",
        text=True,
        capture_output=True,
        cwd=own.path,
        check=True,
    ).stdout.strip()
    own.write(".env", f"{SECRET}-env\n")
    own.write("app/.env.local", f"{SECRET}-deep-env\n")
    (home / ".docker").mkdir()
    name = base.name
    with Services() as services, ExitStack() as stack:
        for service, path in (
            ("tmux", shared / "tmux"),
            ("hidden", home / ".docker/s"),
            ("home", home / "s"),
            ("moved", home / "before"),
        ):
            services.listen(service, socket.AF_UNIX, str(path))
        (home / "before").rename(home / "moved")  # the kernel goes on listing it by its first name
        run = Path("/run", name)
        if os.geteuid() == 0:
            run.mkdir()
            stack.callback(shutil.rmtree, run)
            services.listen("docker", socket.AF_UNIX, str(run / "docker.sock"))
        services.listen("abstract", socket.AF_UNIX, f"\0{name}")
        port = services.listen("port", socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]
        master, slave = os.openpty()
        stack.callback(os.close, master)
        stack.callback(os.close, slave)
        os.set_blocking(master, False)
        if own.before:
            os.chown(os.ttyname(slave), NOBODY, NOBODY)
        victim = stack.enter_context(
            subprocess.Popen(
                [*own.before, "sleep", "600"],
                env={"VICTIM_OF": f"{SECRET}-victim", "PATH": os.environ["PATH"]},
            )
        )
        stack.callback(victim.kill)
        own.env |= {
            "TEMPORARY": str(shared), "RUN": str(run), "ABSTRACT": f"@{name}", "PORT": str(port), "PTS": os.ttyname(slave),
            "VICTIM": str(victim.pid), "VARTMP": f"/var/tmp/{name}", "SHM": f"/dev/shm/{name}", "LOOSE": f"{loose[:2]}/{loose[2:]}",
            "ANTHROPIC_API_KEY": f"{SECRET}-anthropic", "GH_TOKEN": f"{SECRET}-gh", "PLAIN": f"{SECRET}-plain",
            "DATABASE_URL": f"postgres://me:{SECRET}-database@localhost/x", "SSH_AUTH_SOCK": str(shared / "tmux"),
        }  # fmt: skip
        for place in (own.env["VARTMP"], own.env["SHM"]):
            stack.callback(Path(place).unlink, missing_ok=True)
        services.pts = lambda: _printed(master)
        services.victim = lambda: victim.poll() is not None
        yield services


def _printed(master: int) -> bool:
    """Whether a terminal was written to, or typed into."""
    try:
        return bool(os.read(master, 99))
    except BlockingIOError:
        return False


def _script(attempts: list[Attempt]) -> str:
    """All of them, one after another, while another task is at work beside."""
    lines = [
        f"echo; echo '{_MARK} {number}'; timeout 20 bash -c {shlex.quote(one.does)} 2>&1 || true"
        for number, one in enumerate(attempts)
    ]
    return "\n".join([*lines, f"echo '{_END}'"])


_BESIDE_BEGUN = (
    f"""until grep -q {SECRET} "$REPO"/.peal/*/attempts/002-execute-1/stdout; do sleep 0.02; done"""
)
_BESIDE = f"""echo {SECRET}-other-task; until grep -q '{_END}' "$REPO"/.peal/*/attempts/001-execute-1/stdout; do sleep 0.05; done"""


def _said(own: Repo, told: str, is_cut_off: bool) -> list[str]:
    """What each attempt has printed; all of them were made unless peal was ended with them."""
    found = list(own.path.glob(".peal/*/attempts/001-execute-1/stdout"))
    assert found, told
    text = found[0].read_text(errors="replace")
    assert is_cut_off or _END in text, text
    return [part.partition("\n")[2] for part in text.partition(_END)[0].split(f"\n{_MARK} ")[1:]]


_CLAUDE = """
[agents.mine]
command = ["bash", "{script}"]
reply = "claude"
"""
_SHARED = """
commit = false
[[reviewers]]
name = "check"
command = "sh tools/check.sh"
[agents.one]
command = ["scripts/new.sh"]
[agents.two]
command = ["lib/new.sh"]
[agents.three]
command = ["./linked.sh"]
"""


def _beside(own: Repo, script: str) -> tuple[str, ...]:
    """In a worktree, with another task at work beside."""
    return (
        shell_plan(f"(parallel){_BESIDE_BEGUN}\n{script}", f"(parallel){_BESIDE}"),
        "--agent",
        "shell",
        "--max-parallel",
        "2",
    )


def _as_claude(own: Repo, script: str) -> tuple[str, ...]:
    """By a program with state of its own, in a worktree."""
    home = Path(own.env["HOME"])
    _put(home / ".claude/settings.json", "{}\n")
    _put(home / ".claude/.credentials.json", f"{SECRET}-own-login\n")
    _put(home / "dot/CLAUDE.md", "\n")
    _put(home / ".claude/projects/other.jsonl", "{}\n")
    (home / ".claude/CLAUDE.md").symlink_to("../dot/CLAUDE.md")
    (home / ".claude/agents").symlink_to("../dot")
    own.env["OPENAI_API_KEY"] = f"{SECRET}-openai"
    answer = (
        '{"type": "result", "subtype": "success", "is_error": false, "result": "done", "session_id": "1"}'
    )
    _put(home / "agent.sh", f"cat >/dev/null\n[ $PEAL_PHASE != execute ] || {{ {script}\n}}\necho '{answer}'")
    own.write("peal.toml", own.read("peal.toml") + _CLAUDE.format(script=home / "agent.sh"))
    own.git("commit", "-qam", "settings")
    return "## Task 1: a\n", "--agent", "mine"


def _in_shared_tree(own: Repo, script: str) -> tuple[str, ...]:
    """In the person's tree, with a link and programs that settings name."""
    own.write("peal.toml", _SHARED)
    own.write("tools/check.sh", "true\n")
    _put(Path(own.env["HOME"], "elsewhere/new.sh"), "true\n")
    own.write("target.sh", "true\n")
    (own.path / "linked.sh").symlink_to("target.sh")
    own.git("add", ".")
    own.git("commit", "-qm", "settings")
    return shell_plan(script), "--agent", "shell"


def _in_bare_tree(own: Repo, script: str) -> tuple[str, ...]:
    """The same without settings."""
    own.git("rm", "-q", "peal.toml")
    own.git("commit", "-qm", "settings")
    return shell_plan(script), "--agent", "shell", "--no-commit"


def _alone(own: Repo, script: str) -> tuple[str, ...]:
    """In a worktree, alone."""
    return shell_plan(script), "--agent", "shell"


SCENES = {
    "Settings of the agent's own program (claude)": _as_claude,
    "Your tree, where all tasks work in it (`commit = false`)": _in_shared_tree,
    "Your tree, the same without a `peal.toml`": _in_bare_tree,
    "peal itself": _alone,
}
"""How the attempts of a part of the table are made; all others in one run, by `_beside`."""
CASES = {
    f"{how.__name__.strip('_')}-{who}-{sandbox}": (how, who, sandbox)
    for how in (_beside, *SCENES.values())
    for who in ("root", "user")
    for sandbox in ("none", "bubblewrap")
}


@needs_bubblewrap
@pytest.mark.parametrize(
    ("how", "who", "sandbox"),
    sample(CASES, "beside-user-bubblewrap", *(name for name in CASES if "-root-" in name)),
    indirect=["who"],
)
def test_what_gets_through_is_what_the_table_says(
    own: Repo, base: Path, who: str, sandbox: str, how: Callable[[Repo, str], tuple[str, ...]]
) -> None:
    is_within = sandbox != "none"
    attempts = [
        one
        for part, those in TABLE.items()
        for one in those
        if SCENES.get(part, _beside) is how
        and one.for_whom in ("both", who)
        and (is_within or one.without is not None)
    ]
    with _world(own, base, who) as services:
        plan, *flags = how(own, _script(attempts))
        own.write("plan.md", plan)
        _handed_over(own, base / "shared")
        done = own.peal("run", "plan.md", *flags, "--sandbox", sandbox, code=None)
        told = done.stdout + done.stderr
        said = _said(own, told, done.returncode == -9)
        heard = {
            **services.heard,
            "pts": services.pts(),
            "victim": services.victim(),
            "peal": done.returncode == -9,
        }
        if own.before:
            subprocess.run(
                ["chown", "-R", f"{os.geteuid()}:{os.getegid()}", str(own.path), own.env["HOME"]], check=True
            )
        found = {
            one.what: bool(
                one.got_through(Seen(own.path, Path(own.env["HOME"]), base, own.env, own.git, heard, words))
            )
            for one, words in zip(attempts, said, strict=True)
        }
    assert len(found) == len(attempts), "two have the same name"
    expected = {one.what: one.within if is_within else one.without for one in attempts}
    wrong = {
        what: (found[what], said[n]) for n, what in enumerate(found) if found[what] is not expected[what]
    }
    lines = (f"{what}: got through {is_so}\n{text}" for what, (is_so, text) in wrong.items())
    assert not wrong, "\n".join(lines) + told


def test_the_page_tells_the_same() -> None:
    text = (Path(__file__).parents[1] / "docs" / "sandbox.md").read_text(encoding="utf-8")

    assert page() in text
    assert len(re.findall(r"^\|.*\| (no|[*]{2}possible[*]{2}) \|$", text, re.MULTILINE)) == sum(
        map(len, TABLE.values())
    )
