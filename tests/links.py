"""Ways to a machine, made for one test on this one: pipes, a real OpenSSH server, a real Slurm."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import define, field
from conftest import carriers, eventually

MARK = "PROVING_GROUND"
"""Marks all that is started for a test on either side."""
BIN = Path(sys.executable).parent
COUNT = 3
STRANGER = 65534
"""The number of the user `nobody`."""


@define
class Ground:
    """Where the far ends of one test are; the path has neither blanks nor a folder that others may not enter."""

    folder: Path
    mark: str = field(factory=lambda: uuid4().hex)

    @property
    def home(self) -> Path:
        """Where machines keep their stores."""
        return self.folder / "home/peal/machines"

    @property
    def ledger(self) -> Path:
        """Where agents write down what they begin."""
        return self.folder / "ledger"

    def carriers(self) -> list[int]:
        """All that was started for the test and is running."""
        return carriers(MARK, self.mark)

    def machines(self) -> list[int]:
        """The far ends, without what one has forked and is about to be an agent."""
        found = [pid for pid in self.carriers() if _is_machine(_words(pid))]
        return [pid for pid in found if _parent(pid) not in found]

    def near_programs(self) -> list[int]:
        """What gives a pipe to a machine, where that is another program: each that leads its group."""
        names = ("ssh", "srun")
        found = [pid for pid in self.carriers() if Path(_words(pid)[0]).name in names]
        return [pid for pid in found if os.getpgid(pid) == pid]

    def servers(self) -> list[int]:
        """What has started each machine there: of a session of sshd's, or of a step of Slurm's."""
        return [found for pid in self.machines() if (found := _ancestor(pid, ("sshd", "slurmstepd")))]


@contextmanager
def ground() -> Iterator[Ground]:
    """A folder for it, which anybody may use; nothing that was started is left."""
    made = Ground(Path(tempfile.mkdtemp(prefix="ground-", dir="/tmp")))
    made.home.mkdir(parents=True)
    made.ledger.touch()
    for path in (made.folder, *made.folder.rglob("*")):
        path.chmod(0o777)
    try:
        yield made
    finally:
        for pid in made.carriers():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        eventually(lambda: not made.carriers())
        shutil.rmtree(made.folder)


@define
class Link:
    """A way to three machines."""

    names: str
    """What is said to --machines."""
    settings: str = ""
    before: tuple[str, ...] = ()
    """Words in front of peal's."""
    env: dict[str, str] = field(factory=dict)


Lay = Callable[[Ground], AbstractContextManager[Link]]


def _table(*words: str) -> str:
    return f"[machines.box]\ncommand = {json.dumps(words)}\ncount = {COUNT}\n"


@contextmanager
def pipes(ground: Ground) -> Iterator[Link]:
    """Children of peal itself."""
    words = (sys.executable, "-m", "peal", "machine", "--home", str(ground.home))
    yield Link("box", _table(*words))


@contextmanager
def ssh_with_words(ground: Ground) -> Iterator[Link]:
    """A command of the settings, to a server of the test's own."""
    with _sshd(ground, _me()) as config:
        words = ("ssh", "-F", str(config), "-T", "far1", "peal", "machine", "--home", str(ground.home))
        yield Link("box", _table(*words))


@contextmanager
def ssh_by_name(ground: Ground) -> Iterator[Link]:
    """Names of hosts, as `~/.ssh/config` has them: ssh asks for the home of the user, not for $HOME."""
    if os.geteuid() != 0:
        pytest.skip("only root can have another home, in which there is a ~/.ssh")
    with _sshd(ground, _me()) as config:
        home = ground.folder / "home"
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(config, home / ".ssh/config")
        (home / ".ssh/config").chmod(0o600)
        yield Link("far1,far2,far3", before=_with_passwd(_passwd(ground)))


@contextmanager
def ssh_as_another(ground: Ground) -> Iterator[Link]:
    """To an account that may do nothing."""
    stranger = ["setpriv", f"--reuid={STRANGER}", "--clear-groups"]
    tried = [*stranger, "sh", "-c", '"$0" --version', str(BIN / "peal")]
    if os.geteuid() != 0 or subprocess.run(tried, check=False, capture_output=True, cwd="/").returncode:
        pytest.skip("only root can let another in, who has to be able to read this Python and peal")
    with _sshd(ground, "nobody") as config:
        words = ("ssh", "-F", str(config), "-T", "far1", "peal", "machine", "--home", str(ground.home))
        yield Link("box", _table(*words))


@contextmanager
def srun(ground: Ground) -> Iterator[Link]:
    """Steps of a Slurm of the test's own, of one node that is this machine."""
    with _slurm(ground) as config:
        words = (
            "srun",
            "--unbuffered",
            "-N1",
            "-n1",
            str(BIN / "peal"),
            "machine",
            "--home",
            str(ground.home),
        )
        yield Link("box", _table(*words), env={"SLURM_CONF": str(config)})


LINKS: dict[str, Lay] = {
    "pipes": pipes,
    "ssh with words": ssh_with_words,
    "ssh by name": ssh_by_name,
    "ssh as another": ssh_as_another,
    "srun": srun,
}


def _me() -> str:
    return "root" if os.geteuid() == 0 else subprocess.check_output(["id", "-un"], text=True).strip()


def _needs(*programs: str) -> None:
    """Skip where one is missing; those of servers are not on everybody's PATH."""
    for program in programs:
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            pytest.skip(f"there is no `{program}` here")


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _passwd(ground: Ground) -> Path:
    """The users of this machine, where those that are used here have a plain shell, and a home in the test's folder."""
    users = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    for user in users:
        if user[0] in ("root", "nobody"):
            user[5:] = [str(ground.folder / "home"), "/bin/sh"]
    made = ground.folder / "passwd"
    made.write_text("".join(f"{':'.join(user)}\n" for user in users))
    return made


def _with_passwd(passwd: Path, also: str = "") -> tuple[str, ...]:
    """Words in front of a command that sees these users, and nothing else differently; root's alone."""
    mounted = f'mount --bind {passwd} /etc/passwd && {also} exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mounted, "sh")


@contextmanager
def _sshd(ground: Ground, user: str) -> Iterator[Path]:
    """What ssh has to know to reach a server that lets this user in; `far1` to `far3` are it."""
    _needs("ssh", "ssh-keygen", "sshd")
    keys, port = ground.folder / "keys", _port()
    keys.mkdir(mode=0o755)
    for name in ("host", "mine"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    (keys / "server").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {keys}/host\nAuthorizedKeysFile {keys}/mine.pub\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        "MaxStartups 100\n"
        f"SetEnv PATH={BIN}:{os.environ['PATH']} {MARK}={ground.mark} XDG_CACHE_HOME={ground.folder}/home\n"
    )
    host = (keys / "host.pub").read_text().split()[:2]
    (keys / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host)}\n")
    (keys / "config").write_text(
        f"Host far1 far2 far3\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile {keys}/mine\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {keys}/known\n"
    )
    words = [
        str(shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin")),
        "-D",
        "-e",
        "-f",
        str(keys / "server"),
    ]
    if os.geteuid() == 0:  # it insists on a folder that its service makes
        also = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd &&"
        words = [*_with_passwd(_passwd(ground), also), *words]
    with _running(words, ground.folder / "sshd.log"):
        eventually(lambda: _listens(port))
        tried = ["ssh", "-F", str(keys / "config"), "-o", "BatchMode=yes", "far1", "true"]
        if subprocess.run(tried, check=False, capture_output=True).returncode:
            pytest.skip(f"`{user}` cannot be let in")
        yield keys / "config"


@contextmanager
def _slurm(ground: Ground) -> Iterator[Path]:
    """The settings of a Slurm that runs, on one node."""
    _needs("slurmctld", "slurmd", "srun")
    folder, node, user = ground.folder / "slurm", platform.node().partition(".")[0], _me()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    (folder / "plugstack.conf").touch()
    control, daemon = _port(), _port()
    (folder / "slurm.conf").write_text(
        f"ClusterName=ground\nSlurmctldHost={node}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n"
        "AuthType=auth/none\nCredType=cred/none\nMpiDefault=none\nProctrackType=proctrack/linuxproc\n"
        "TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\nSwitchType=switch/none\n"
        f"SlurmctldPort={control}\nSlurmdPort={daemon}\nStateSaveLocation={folder}/state\n"
        f"SlurmdSpoolDir={folder}/spool\nSlurmctldPidFile={folder}/control.pid\nSlurmdPidFile={folder}/node.pid\n"
        f"SlurmctldLogFile={folder}/control.log\nSlurmdLogFile={folder}/node.log\n"
        f"PlugStackConfig={folder}/plugstack.conf\nReturnToService=2\n"
        "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\nSlurmdParameters=config_overrides\n"
        f"NodeName={node} NodeAddr=127.0.0.1 CPUs=64 State=UNKNOWN\n"
        "PartitionName=all Nodes=ALL Default=YES State=UP MaxTime=INFINITE\n"
    )
    env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    path = "/usr/sbin:/sbin:/usr/bin"

    def is_ready() -> bool:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%t"], env=env, capture_output=True, text=True, check=False
        )
        return told.stdout.strip() in ("idle", "mix")

    with (
        _running([str(shutil.which("slurmctld", path=path)), "-D", "-c"], folder / "control.out", env),
        _running([str(shutil.which("slurmd", path=path)), "-D"], folder / "node.out", env),
    ):
        eventually(is_ready, 60)
        yield folder / "slurm.conf"
    for pid in carriers("SLURM_CONF", env["SLURM_CONF"]):  # steps outlive who has started them
        with suppress(ProcessLookupError):
            os.kill(pid, 9)


@contextmanager
def _running(words: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """A server, for as long as it is needed."""
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1] or [""]
    except OSError:
        return [""]


def _is_machine(words: list[str]) -> bool:
    return "machine" in words and Path(words[0]).name.startswith("python")


def _parent(pid: int) -> int:
    """The process that has started this one; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _ancestor(pid: int, names: tuple[str, ...]) -> int:
    """The nearest process above this one that is called so; 0 if there is none."""
    while pid > 1:
        try:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            return 0
        if name in names:
            return pid
        pid = int(rest.split()[1])
    return 0
