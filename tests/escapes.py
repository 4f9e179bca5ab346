"""What an agent may try to get out of its worktree by, how it is seen that it did, and whether it does: the table of docs/sandbox.md."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from attrs import frozen

SECRET = "b7Q-secret"
"""Begins what nobody in a sandbox may get to read; the name of what it was in follows."""
THROUGH = "got-through"
"""Printed by an attempt that has succeeded and leaves no other trace."""


@frozen
class Seen:
    """What is there when the attempts are over."""

    repo: Path
    home: Path
    outside: Path
    """A folder of the person's, not below their home."""
    places: Mapping[str, str]
    """What the attempts were told as variables."""
    git: Callable[..., str]
    heard: Mapping[str, bool]
    """Whether somebody has spoken to these services."""
    said: str
    """What the attempt has printed."""


@frozen
class Attempt:
    """One way out."""

    what: str
    """As the page has it."""
    does: str
    """A script for bash, carried out in the agent's worktree."""
    got_through: Callable[[Seen], object]
    without: bool | None = True
    """Whether it gets through without a sandbox; None if it makes no sense there, or the machine decides."""
    within: bool = False
    """The same in a sandbox."""
    for_whom: Literal["both", "root", "user"] = "both"


def reads(name: str) -> Callable[[Seen], object]:
    """It has printed the secret of this name."""
    return lambda seen: f"{SECRET}-{name}" in seen.said


def says(seen: Seen) -> object:
    """It says so itself."""
    return f"\n{THROUGH}\n" in f"\n{seen.said}\n"


def at_home(name: str) -> Callable[[Seen], object]:
    """There is such a file in the home folder."""
    return lambda seen: (seen.home / name).exists()


def in_repo(name: str) -> Callable[[Seen], object]:
    """There is such a file in the person's tree."""
    return lambda seen: bool(list(seen.repo.glob(name)))


def spoke(name: str) -> Callable[[Seen], object]:
    """A service of this name was spoken to."""
    return lambda seen: seen.heard[name]


_SAY = f"echo {THROUGH}"
_CONNECT = """"$PY" -I -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1].replace("@","\\0")); s.sendall(b"hi")'"""
_PTRACE = (
    """"$PY" -I -c "import ctypes,os; l=ctypes.CDLL(None); """
    """assert l.ptrace(16,int(os.environ['VICTIM']),0,0)==0; print('got-through'); os.waitpid(int(os.environ['VICTIM']),0); """
    '''l.ptrace(17,int(os.environ['VICTIM']),0,0)"'''
)
_TIOCSTI = """"$PY" -I -c 'import os,fcntl,sys; os.setsid(); f=os.open(sys.argv[1],os.O_RDWR); fcntl.ioctl(f,0x540E,1)
for c in b"hi\\n": fcntl.ioctl(f,0x5412,bytes([c]))' """

_PEAL = """$(grep -o '"pid": *[0-9]*' "$REPO/.peal/owner.json" | grep -o '[0-9]*$')"""

TABLE: Mapping[str, tuple[Attempt, ...]] = {
    "Your tree and peal's memory": (
        Attempt("write a file into your tree", 'echo x > "$REPO/planted"', in_repo("planted")),
        Attempt("change a file of your tree", 'echo x >> "$REPO/README.md"', lambda seen: "x" in (seen.repo / "README.md").read_text()),
        Attempt(
            "write into another task's worktree",
            "for one in ../[12]; do [ $one -ef . ] || echo x > $one/planted; done",
            lambda seen: any(seen.repo.glob(".peal/worktrees/[12]/planted")),
        ),
        Attempt("write into peal's memory", 'echo x > "$REPO/.peal/planted"', in_repo(".peal/planted")),
        Attempt(
            "write over the journal", f'j=$(echo "$REPO"/.peal/*/journal.jsonl); : >> "$j" && [ -w "$j" ] && {_SAY}', says
        ),
        Attempt("read peal's memory, with what other tasks have printed", 'cat "$REPO"/.peal/*/attempts/002-execute-1/stdout', reads("other-task"), within=True),
        Attempt("put something into caches that later tasks use", 'mkdir -p "$REPO/.peal/cache"; echo x > "$REPO/.peal/cache/planted"', in_repo(".peal/cache/planted"), within=True),
        Attempt("read your untracked `.env`", 'cat "$REPO/.env"', reads("env")),
        Attempt("read an untracked `.env.local` further down", 'cat "$REPO/app/.env.local"', reads("deep-env")),
        Attempt("write over its own `.git` file", f'cp .git .kept; echo x > .git && {_SAY}; cat .kept > .git; rm .kept', says),
        Attempt("replace its own `.git` file", f"mv .git .kept && {_SAY} && mv .kept .git", says),
        Attempt("move its own worktree", f'cd ..; mv 1 1-moved && {_SAY} && mv 1-moved 1', says),
    ),
    "Your repository's git folder": (
        Attempt("plant a hook", 'mkdir -p "$REPO/.git/hooks"; echo x > "$REPO/.git/hooks/post-checkout"', in_repo(".git/hooks/post-checkout")),
        Attempt("change the settings there", 'git --git-dir="$REPO/.git" config alias.planted x', lambda seen: "planted" in seen.git("config", "--list")),
        Attempt("make a branch, by its own git", "git branch planted", lambda seen: "planted" in seen.git("branch").split(), without=False),
        Attempt("set a branch", 'git --git-dir="$REPO/.git" update-ref refs/heads/set HEAD', lambda seen: "set" in seen.git("branch").split()),
        Attempt("delete a branch", 'git --git-dir="$REPO/.git" branch -D yours', lambda seen: "yours" not in seen.git("branch").split()),
        Attempt("stash, by its own git", "echo x > y; git add y; git stash; git stash pop; rm y", lambda seen: "stash@{1}" in seen.git("stash", "list"), without=False),
        Attempt("read a stash of yours", 'git --git-dir="$REPO/.git" show "stash@{0}"', reads("stash"), within=True),
        Attempt("drop a stash of yours", 'git --git-dir="$REPO/.git" stash drop', lambda seen: "stash@{0}" not in seen.git("stash", "list")),
        Attempt("write beside what git keeps of its worktree", 'echo x > "$REPO/.git/worktrees/1/config.worktree"', in_repo(".git/worktrees/1/config.worktree")),
        Attempt("change `gitdir` and `commondir` there", f'cd "$REPO/.git/worktrees/1"; [ -w gitdir ] && [ -w commondir ] && touch gitdir commondir && {_SAY}', says),
        Attempt("throw away what nothing points to", 'git --git-dir="$REPO/.git" prune --expire=now', lambda seen: seen.git("count-objects") and not seen.repo.joinpath(".git/objects", seen.places["LOOSE"]).exists()),
        Attempt("push to a remote by its name", "git push -q origin HEAD:refs/heads/by-name", lambda seen: "by-name" in seen.git("ls-remote", "origin")),
        Attempt("push to a remote by its path", 'git push -q "$HOME/remote.git" HEAD:refs/heads/by-path', lambda seen: "by-path" in seen.git("ls-remote", "origin")),
        Attempt("read a token in git's settings, by its own git", "git config --list", reads("token")),
        Attempt("read a token in git's settings, in the file", 'cat "$REPO/.git/config" ~/.gitconfig', reads("token")),
        Attempt("read a token in your own git's settings", "git config --list; cat ~/.gitconfig", reads("global-token")),
    ),
    "Your home folder": (
        Attempt("read a key for ssh", "cat ~/.ssh/id_ed25519", reads("ssh")),
        Attempt("read credentials of a cloud", "cat ~/.aws/credentials", reads("aws")),
        Attempt("read git's passwords", "cat ~/.git-credentials", reads("git")),
        Attempt("read the login of another agent", "cat ~/.codex/auth.json", reads("codex")),
        Attempt("read settings with keys of another agent's (`~/.claude.json`, `~/.env`)", "cat ~/.claude.json ~/.env", lambda seen: reads("claude")(seen) or reads("home-env")(seen)),
        Attempt("read what you have typed", "cat ~/.bash_history", reads("history")),
        Attempt("read any other file of yours", "cat ~/notes.txt", reads("notes"), within=True),
        Attempt("change `~/.bashrc`", "echo x >> ~/.bashrc", at_home(".bashrc")),
        Attempt("put a program into `~/.local/bin`", "mkdir -p ~/.local/bin; echo x > ~/.local/bin/git", at_home(".local/bin/git")),
        Attempt("add a service of systemd's", "mkdir -p ~/.config/systemd/user; echo x > ~/.config/systemd/user/x.service", at_home(".config/systemd/user/x.service")),
        Attempt("be started when you log in", "mkdir -p ~/.config/autostart; echo x > ~/.config/autostart/x.desktop", at_home(".config/autostart/x.desktop")),
        Attempt("change your git's settings", "git config --global alias.planted x", lambda seen: "planted" in (seen.home / ".gitconfig").read_text()),
        Attempt("write to a table of cron", f"for f in /var/spool/cron /etc/cron.d /etc; do [ -w $f ] && {_SAY} && break; done", says, for_whom="root"),
        Attempt("use programs with rights of their own (sudo, crontab)", f"grep -q 'NoNewPrivs:.*0' /proc/self/status && {_SAY}", says),
        Attempt("change a file by a hard link that `worktree_setup` has made", "echo x >> linked", lambda seen: "x" in (seen.home / "linked").read_text()),
        Attempt("have peal write its reply through a link", 'ln -sf "$HOME/replied" "$REPO"/.peal/*/attempts/001-execute-1/reply.md', at_home("replied"), without=False),
        Attempt("have peal remove a folder through a link in its `TMPDIR`", 'ln -s "$HOME/kept" "$TMPDIR/kept"; rmdir "$TMPDIR"; mv "$TMPDIR" "$TMPDIR-"; ln -s "$HOME/kept" "$TMPDIR"', lambda seen: not (seen.home / "kept/file").exists(), without=False),
    ),
    "Keys in the environment": (
        Attempt("read a key of another agent's", 'echo "$ANTHROPIC_API_KEY"', reads("anthropic")),
        Attempt("read a token of a forge", 'echo "$GH_TOKEN"', reads("gh")),
        Attempt("read an address with a password", 'echo "$DATABASE_URL"', reads("database")),
        Attempt("learn where your ssh-agent listens", f'[ -n "$SSH_AUTH_SOCK" ] && {_SAY}', says),
        Attempt("read any variable that does not look like a key", 'echo "$PLAIN"', reads("plain"), within=True),
    ),
    "Other programs": (
        Attempt("see another program of yours", f'[ -e /proc/$VICTIM ] && grep -q VICTIM_OF /proc/$VICTIM/environ && {_SAY}', says),
        Attempt("read the environment of another program", "cat /proc/$VICTIM/environ", reads("victim")),
        Attempt("read the memory of another program", f"grep -q heap /proc/$VICTIM/maps && {_SAY}", says),
        Attempt("trace another program", _PTRACE, says),
        Attempt("end another program", "kill -9 $VICTIM", lambda seen: seen.heard["victim"]),
        Attempt("read peal's environment", f"p={_PEAL}; head -c1 /proc/$p/environ >/dev/null && grep -q python /proc/$p/maps && {_SAY}", says),
        Attempt("write to your terminal", 'echo hi > "$PTS"', spoke("pts")),
        Attempt("type into your terminal (TIOCSTI)", f'{_TIOCSTI} "$PTS"', spoke("pts"), without=None),
    ),
    "Places that everybody shares": (
        Attempt("read a file in `/tmp`", 'cat "$TEMPORARY/secret"', reads("tmp")),
        Attempt("write into `/tmp`", 'echo x > "$TEMPORARY/planted"', lambda seen: Path(seen.places["TEMPORARY"], "planted").exists()),
        Attempt("write into `/var/tmp`", 'echo x > "$VARTMP"', lambda seen: Path(seen.places["VARTMP"]).exists()),
        Attempt("write into `/dev/shm`", 'echo x > "$SHM"', lambda seen: Path(seen.places["SHM"]).exists()),
        Attempt("speak to a service below `/tmp` (tmux, an ssh-agent)", f'{_CONNECT} "$TEMPORARY/tmux"', spoke("tmux")),
        Attempt("speak to a service below `/run` (Docker, D-Bus)", f'{_CONNECT} "$RUN/docker.sock"', spoke("docker"), for_whom="root"),
        Attempt("speak to a service below a hidden folder of your home", f'{_CONNECT} "$HOME/.docker/s"', spoke("hidden")),
        Attempt("speak to a service elsewhere in your home", f'{_CONNECT} "$HOME/s"', spoke("home")),
        Attempt("speak to one that is not listed, as it began later", f'{_CONNECT} "$HOME/moved"', spoke("moved"), within=True),
        Attempt("speak to a service that listens by an abstract name (X11)", f'{_CONNECT} "$ABSTRACT"', spoke("abstract"), within=True),
        Attempt("speak to a port of this machine", 'echo hi > "/dev/tcp/127.0.0.1/$PORT"', spoke("port"), within=True),
    ),
    "Settings of the agent's own program (claude)": (
        Attempt("change settings that are there", "echo x >> ~/.claude/settings.json", lambda seen: any("x" in path.read_text() for path in seen.home.glob(".claude/*") if path.name in ("settings.json", "old"))),
        Attempt("replace settings that are there", "mv ~/.claude/settings.json ~/.claude/old; echo replaced > ~/.claude/settings.json", lambda seen: "replaced" in (seen.home / ".claude/settings.json").read_text()),
        Attempt("make settings that are not there", "echo '{\"hooks\": {\"x\": 1}}' > ~/.claude/settings.local.json", at_home(".claude/settings.local.json")),
        Attempt("make a folder of commands or hooks", "mkdir ~/.claude/commands; echo x > ~/.claude/commands/x.md", at_home(".claude/commands")),
        Attempt("change what such a file is a link to", "echo x >> ~/dot/CLAUDE.md", lambda seen: "x" in (seen.home / "dot/CLAUDE.md").read_text()),
        Attempt("replace a link by a file", "rm ~/.claude/CLAUDE.md; echo replaced > ~/.claude/CLAUDE.md", lambda seen: "replaced" in (seen.home / ".claude/CLAUDE.md").read_text()),
        Attempt("put another link in place of a link", "rm ~/.claude/agents; ln -s \"$PWD\" ~/.claude/agents", lambda seen: (seen.home / ".claude/agents").readlink() != Path("../dot")),
        Attempt("move the whole folder", f"mv ~/.claude ~/.other && mv ~/.other ~/.claude && {_SAY}", says),
        Attempt("read its own settings with keys (`~/.claude.json`)", "cat ~/.claude.json", reads("claude"), within=True),
        Attempt("change your other conversations with it", "echo x >> ~/.claude/projects/other.jsonl", lambda seen: "x" in (seen.home / ".claude/projects/other.jsonl").read_text(), within=True),
        Attempt("read its own login", "cat ~/.claude/.credentials.json", reads("own-login"), within=True),
        Attempt("read a key of its own in the environment", 'echo "$ANTHROPIC_API_KEY"', reads("anthropic"), within=True),
        Attempt("read a key of another agent's in the environment", 'echo "$OPENAI_API_KEY"', reads("openai")),
    ),
    "Your tree, where all tasks work in it (`commit = false`)": (
        Attempt("change a file of your tree", "echo x >> README.md", lambda seen: "x" in seen.repo.joinpath("README.md").read_text(), within=True),
        Attempt("change `peal.toml`", "echo '# x' >> peal.toml", lambda seen: any("# x" in path.read_text() for path in seen.repo.glob("*.toml"))),
        Attempt("replace `peal.toml`", "mv peal.toml old.toml; echo '# replaced' > peal.toml", lambda seen: "# replaced" in seen.repo.joinpath("peal.toml").read_text()),
        Attempt("change a program that it names", "echo '# x' >> tools/check.sh", lambda seen: any("# x" in path.read_text() for path in seen.repo.glob("*/check.sh"))),
        Attempt("replace the folder of such a program", "mv tools old; mkdir tools; echo '# replaced' > tools/check.sh", lambda seen: "# replaced" in seen.repo.joinpath("tools/check.sh").read_text()),
        Attempt("make such a program that is not there", "mkdir scripts; echo x > scripts/new.sh", in_repo("scripts/new.sh")),
        Attempt("replace a link to such a program", "rm linked.sh; echo x > linked.sh", lambda seen: not seen.repo.joinpath("linked.sh").is_symlink()),
        Attempt("make a link that leads to such a program elsewhere", 'ln -s "$HOME/elsewhere" lib', lambda seen: seen.repo.joinpath("lib").is_symlink() or not (seen.home / "elsewhere/new.sh").exists()),
        Attempt("commit", "git commit -q --allow-empty -m planted", lambda seen: "planted" in seen.git("log", "--format=%s")),
        Attempt("plant a hook", "mkdir -p .git/hooks; echo x > .git/hooks/post-checkout", in_repo(".git/hooks/post-checkout")),
        Attempt("move the git folder away", f"mv .git .old && mv .old .git && {_SAY}", says),
        Attempt("write into peal's memory", "echo x > .peal/planted", in_repo(".peal/planted")),
        Attempt("read your untracked `.env`", "cat .env", reads("env"), within=True),
    ),
    "Your tree, the same without a `peal.toml`": (
        Attempt("make a `peal.toml`", "echo '# x' > peal.toml", in_repo("peal.toml")),
    ),
    "peal itself": (
        Attempt("end peal, with no time for it to end others", f"kill -9 {_PEAL}", lambda seen: seen.heard["peal"]),
    ),
    "The sandbox itself": (
        Attempt("make all writable again", 'mount -o remount,rw,bind / ; mount -o remount,rw,bind "$REPO"; echo x > "$REPO/remounted"', in_repo("remounted"), without=None),
        Attempt("take away what hides a folder", "umount ~/.ssh; cat ~/.ssh/id_ed25519", reads("ssh"), without=None),
        Attempt("do both as root of namespaces of its own", 'unshare -rm sh -c \'mount -o remount,rw,bind "$REPO"; umount ~/.ssh; echo x > "$REPO/nested"; cat ~/.ssh/id_ed25519\'', lambda seen: reads("ssh")(seen) or in_repo("nested")(seen), without=None),
        Attempt("make namespaces of its own", f"unshare -Ur true && {_SAY}", says, without=None, within=True),
        Attempt("have the kernel start a program (core_pattern)", f"cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern && {_SAY}", says, without=None),
        Attempt("rename the machine", f'hostname "$(hostname)" && {_SAY}', says, without=None),
        Attempt("make a device", f'mknod "$TMPDIR/disk" b 7 0 && {_SAY}', says, without=None),
        Attempt("change a file of the system", f'[ -w /etc ] && {_SAY}; [ -w /usr/bin ] && {_SAY}', says, for_whom="root"),
        Attempt("read the system's passwords", f"head -c1 /etc/shadow | grep -q . && {_SAY}", says, for_whom="root"),
    ),
}  # fmt: skip


def page() -> str:
    """The tables of docs/sandbox.md."""
    parts = (f"### {part}\n\n{_HEAD}{''.join(map(_row, those))}" for part, those in TABLE.items())
    return "\n".join(parts)


_HEAD = "| an agent tries to | without | in the sandbox |\n|---|---|---|\n"


def _row(one: Attempt) -> str:
    whom = "" if one.for_whom == "both" else f" (as {one.for_whom})"
    return f"| {one.what}{whom} | {_WORDS[one.without]} | {'**possible**' if one.within else 'no'} |\n"


_WORDS = {True: "possible", False: "no", None: "not tried"}


if __name__ == "__main__":
    print(page(), end="")
