"""`--machines tls://…`: attempts on the workers of a Dask cluster, which are real processes, under TLS with an authority of their own."""

import os
import pickle
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import msgpack
import pytest
from attrs import define, field
from conftest import Repo, carriers, eventually, landed
from test_machines import WORK, begun, plan

CERTIFICATE = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
RUN = ("run", "plan.md", "--agent", "shell", "--max-parallel", "6")
LONG = 'echo $PEAL_TASK >>"$LEDGER"; (setsid sleep 785 &); sleep 1; echo $PEAL_TASK >"f$PEAL_TASK"'
GATED = 'echo $PEAL_TASK >>"$LEDGER"; until [ -e "$LEDGER.go" ]; do sleep 0.05; done; echo 1 >"f$PEAL_TASK"'


def authority(folder: Path) -> dict[str, Path]:
    """The files of a new authority, and of one certificate by it that all of a cluster have."""
    folder.mkdir()
    for words in (
        (*CERTIFICATE, "-x509", "-days", "9", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"),
        (*CERTIFICATE, "-subj", "/CN=one", "-keyout", "key.pem", "-out", "asked.pem"),
        ("openssl", "x509", "-req", "-in", "asked.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-days", "9", "-out", "cert.pem"),
    ):  # fmt: skip
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}


def table(name: str, files: dict[str, Path], *lines: str) -> str:
    """That of machines with these certificates."""
    named = [f'{key} = "{path}"' for key, path in files.items()]
    return "\n".join([f'[machines."{name}"]', *named, *lines, ""])


@define
class Cluster:
    """A scheduler, and workers that come and go."""

    folder: Path
    env: dict[str, str]
    files: dict[str, Path]
    port: int
    started: list[subprocess.Popen[bytes]] = field(factory=list)

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return f"tls://127.0.0.1:{self.port}"

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Begun; it answers."""
        words = ("scheduler", "--host", "tls://127.0.0.1", "--port", str(self.port))
        return self._begun(words, {}, "Scheduler at:")

    def worker(self, **more: str) -> subprocess.Popen[bytes]:
        """Begun; the scheduler knows it. It and all that it starts carry its number."""
        number = str(len(self.started))
        words = ("worker", self.url, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1")
        words = (*words, "--local-directory", str(self.folder / number))
        cache = str(self.folder / f"cache-{number}")
        return self._begun(words, {"XDG_CACHE_HOME": cache, **more}, "Registered to:")

    def _begun(self, words: tuple[str, ...], more: dict[str, str], says: str) -> subprocess.Popen[bytes]:
        files = (
            "--tls-ca-file",
            self.files["ca"],
            "--tls-cert",
            self.files["cert"],
            "--tls-key",
            self.files["key"],
        )
        log = self.folder / f"{len(self.started)}.log"
        dask = Path(sys.executable).with_name("dask")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [dask, *words, "--no-dashboard", *files],
                env={**self.env, "MEMBER": self._mark(len(self.started)), **more},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        eventually(lambda: says in log.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        return process

    def beneath(self, process: subprocess.Popen[bytes]) -> set[int]:
        """What runs that a member has started, at whatever remove."""
        return {*carriers("MEMBER", self._mark(self.started.index(process)))} - {process.pid}

    def _mark(self, number: int) -> str:
        return f"{self.folder}-{number}"


@pytest.fixture
def ledger(project: Repo, tmp_path: Path) -> Path:
    """Where agents write down what they begin; told to them by the worker's own environment."""
    path = tmp_path / "ledger"
    path.touch()
    project.env["LEDGER"] = str(path)
    return path


@pytest.fixture
def cluster(project: Repo, ledger: Path, tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers; `lab` in the settings of the project."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    made = Cluster(folder, project.env, authority(tmp_path / "ours"), port)
    made.scheduler()
    project.write("peal.toml", table("lab", made.files, f'url = "{made.url}"'))
    yield made
    for process in made.started:
        process.kill()
        process.wait()
    eventually(lambda: not any(map(made.beneath, made.started)))


def told(project: Repo) -> Counter[str]:
    """How many processes of attempts were begun on each machine."""
    return Counter(event["machine"] for event in project.recorded("ProcessStarted"))


def results(project: Repo) -> Counter[str]:
    """How many steps ended how."""
    return Counter(event["outcome"]["result"] for event in project.recorded("StepEnded"))


def with_cluster(test: Callable[..., None]) -> Callable[..., None]:
    """A test that takes `distributed`, and mostly some seconds to begin a cluster."""
    reason = "`distributed` is not installed; `make torture` brings it"
    is_missing = find_spec("distributed") is None
    for mark in (
        pytest.mark.torture,
        pytest.mark.timeout(300),
        pytest.mark.skipif(is_missing, reason=reason),
    ):
        test = mark(test)
    return test


@with_cluster
def test_attempts_run_on_workers_and_land_here(project: Repo, ledger: Path, cluster: Cluster) -> None:
    """Nothing of it goes on afterwards, and Dask says nothing."""
    workers = [cluster.worker() for _ in range(3)]
    plan(project, *[f'{WORK}; echo "$MEMBER" >>"$LEDGER.where"'] * 24)

    said = project.peal(*RUN, "--machines", "lab")

    assert landed(project) == sorted(map(str, range(1, 25)))
    assert set(begun(ledger).values()) == {1}
    assert set(told(project)) == {"lab-1", "lab-2", "lab-3"}
    assert len(set(Path(f"{ledger}.where").read_text().split())) == 3
    assert project.git("status", "--porcelain") == ""
    assert "distributed" not in said.stdout + said.stderr
    assert said.stderr == ""
    eventually(lambda: not any(map(cluster.beneath, workers)))


@with_cluster
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_worker_that_dies_costs_its_attempts_and_nothing_else(
    how: signal.Signals,
    project: Repo,
    ledger: Path,
    cluster: Cluster,
) -> None:
    workers = [cluster.worker() for _ in range(3)]
    plan(project, *[LONG] * 24)
    process = project.start(*RUN, "--machines", "lab")
    eventually(lambda: len(ledger.read_text().split()) >= 8, 60)
    assert cluster.beneath(workers[0])

    workers[0].send_signal(how)
    workers[0].wait()

    eventually(lambda: not cluster.beneath(workers[0]))
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert landed(project) == sorted(map(str, range(1, 25)))
    ended = results(project)
    assert ended["lost"]
    assert not ended["failed"]
    assert sum(begun(ledger).values()) <= 24 + ended["lost"]
    assert project.git("status", "--porcelain") == ""
    assert "Traceback" not in said


@with_cluster
def test_a_client_that_is_killed_leaves_nothing_and_goes_on(
    project: Repo,
    ledger: Path,
    cluster: Cluster,
) -> None:
    workers = [cluster.worker() for _ in range(2)]
    plan(project, *[f"(setsid sleep 785 &); {GATED}"] * 6)
    process = project.start(*RUN, "--machines", "lab")
    eventually(lambda: len(ledger.read_text().split()) == 6, 60)

    process.kill()

    eventually(lambda: not any(map(cluster.beneath, workers)))
    Path(f"{ledger}.go").touch()
    project.peal("resume")
    assert landed(project) == list("123456")
    assert set(begun(ledger).values()) == {2}


@with_cluster
def test_an_interrupted_run_brings_home_what_was_done(project: Repo, ledger: Path, cluster: Cluster) -> None:
    worker = cluster.worker()
    plan(project, 'echo done >half; echo so far; echo $PEAL_TASK >>"$LEDGER"; sleep 60')
    process = project.start(*RUN, "--machines", "lab")
    attempt = ".peal/*/attempts/001-execute-1/stdout"
    eventually(lambda: any(path.read_text() for path in project.path.glob(attempt)), 60)

    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "+done" in (project.memory() / "attempts/001-execute-1/changes.patch").read_text()
    eventually(lambda: not cluster.beneath(worker))


@with_cluster
def test_a_cluster_that_is_begun_anew_is_used_again(project: Repo, ledger: Path, cluster: Cluster) -> None:
    """Workers leave for good when their scheduler goes."""
    workers = [cluster.worker() for _ in range(2)]
    plan(project, *[LONG.replace("sleep 1;", "sleep 3;")] * 24)
    process = project.start(*RUN, "--machines", "lab")
    eventually(lambda: len(ledger.read_text().split()) >= 8, 60)

    cluster.started[0].kill()
    cluster.started[0].wait()

    for worker in workers:
        worker.wait(60)
    eventually(lambda: not any(map(cluster.beneath, workers)))
    cluster.scheduler()
    for _ in range(2):
        cluster.worker()
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert landed(project) == sorted(map(str, range(1, 25)))
    assert not results(project)["failed"]
    assert sum(begun(ledger).values()) <= 24 + results(project)["lost"]


@with_cluster
def test_a_worker_that_comes_later_is_used(project: Repo, ledger: Path, cluster: Cluster) -> None:
    """As long as there are machines that have none."""
    cluster.worker()
    lines = (f'url = "{cluster.url}"', "count = 2", "places = {shell = 1}")
    project.write("peal.toml", table("lab", cluster.files, *lines))
    plan(project, GATED, GATED)
    process = project.start(*RUN, "--machines", "lab")
    eventually(lambda: len(ledger.read_text().split()) == 1, 60)

    cluster.worker()

    eventually(lambda: len(ledger.read_text().split()) == 2, 60)
    Path(f"{ledger}.go").touch()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(re.findall("machine `lab-[12]`: .* has no worker that is free", said)) == 1
    assert "has no worker that is free" in said
    assert set(told(project)) == {"lab-1", "lab-2"}


@with_cluster
def test_what_workers_keep_is_found_whichever_a_run_has_used(
    project: Repo, ledger: Path, cluster: Cluster, tmp_path: Path
) -> None:
    for _ in range(3):
        cluster.worker()
    project.write("peal.toml", table("lab", cluster.files, f'url = "{cluster.url}"', "count = 2"))
    plan(project, WORK, WORK)
    project.peal(*RUN, "--machines", "lab")
    stores = cluster.folder.glob("cache-*/peal/machines/*/store.git")
    homes = {store.parents[1]: store.parent for store in stores}
    for number in range(1, 4):  # as of runs before that have used others
        home = cluster.folder / f"cache-{number}/peal/machines"
        (home / next(iter(homes.values())).name).mkdir(parents=True, exist_ok=True)

    said = project.peal("clean", "--machines").stdout

    assert said.count("removed store `") == 3
    assert list(cluster.folder.glob("cache-*/peal/machines/*")) == []


@with_cluster
def test_a_frozen_worker_is_lost_and_others_go_on(project: Repo, ledger: Path, cluster: Cluster) -> None:
    """The scheduler still tells of it."""
    workers = [cluster.worker() for _ in range(2)]
    plan(project, *[LONG] * 8)
    process = project.start(*RUN, "--machines", "lab", "--machine-silence-sec", "4")
    eventually(lambda: len(ledger.read_text().split()) >= 4, 60)

    workers[0].send_signal(signal.SIGSTOP)

    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "nothing was heard of it for 4 seconds" in said
    assert landed(project) == list("12345678")
    workers[0].send_signal(signal.SIGCONT)
    eventually(lambda: not any(map(cluster.beneath, workers)))


@with_cluster
def test_who_is_not_let_in_is_told_why(project: Repo, cluster: Cluster, tmp_path: Path) -> None:
    """Each within its bound, and before anything starts."""
    plan(project, WORK)
    other = authority(tmp_path / "theirs")
    stranger = {**other, "ca": cluster.files["ca"]}
    for files, why in (
        (cluster.files, f"`{cluster.url}` has no workers; start `dask worker` where attempts are to run"),
        (other, "shows a certificate that `ca` does not vouch for"),
        (stranger, "ends the connection, as one does that does not accept `cert`"),
        ({**stranger, "key": cluster.files["key"]}, "`ca`, `cert` and `key` cannot be used"),
    ):
        project.write("peal.toml", table(cluster.url, files))
        said = project.peal(*RUN, "--machines", cluster.url, code=1).stderr
        assert why in said
        assert "Traceback" not in said
    plain = cluster.url.replace("tls", "tcp")
    said = project.peal(*RUN, "--machines", plain, "--insecure", code=1).stderr
    assert "ends the connection, as one does that wants TLS" in said
    assert project.recorded("StepStarted") == []


@with_cluster
@pytest.mark.parametrize(
    ("is_so", "why"),
    [
        (
            "import sys; sys.modules['peal.machines.dask_worker'] = None",
            "has no peal, or another; install peal",
        ),
        ("import peal; peal.__version__ = '0.0.9'", "has peal 0.0.9, and here is"),
    ],
)
def test_a_worker_with_another_peal_is_refused(
    is_so: str, why: str, project: Repo, cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(is_so)
    cluster.worker(PYTHONPATH=str(tmp_path / "site"))
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "lab", code=1).stderr

    assert "machine `lab-1`" in said
    assert why in said
    assert "no machine is left to run on" in said
    assert project.recorded("StepStarted") == []


@with_cluster
def test_what_is_printed_is_in_nobody_s_memory(project: Repo, ledger: Path, cluster: Cluster) -> None:
    """Neither here nor in the worker, which others share."""
    worker = cluster.worker()
    before = peak(worker.pid)
    plan(
        project,
        *[
            'yes | head -c 200000000; touch "$LEDGER.$PEAL_TASK"; until [ -e "$LEDGER.go" ]; do sleep 0.05; done'
        ]
        * 2,
    )
    process = project.start(*RUN, "--machines", "lab")
    attempts = ".peal/*/attempts/*-execute-1/stdout"
    eventually(lambda: [path.stat().st_size for path in project.path.glob(attempts)] == [200000000] * 2, 200)

    assert peak(worker.pid) - before < 30_000
    assert peak(process.pid) < 160_000
    Path(f"{ledger}.go").touch()
    process.wait(60)


def peak(pid: int) -> int:
    """The most kilobytes that a process has had in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


# Without a cluster


@pytest.mark.parametrize(
    ("settings", "words", "why"),
    [
        ("", ("tcp://127.0.0.1:1",), "can be read and changed on its way; give the cluster TLS and write `tls:`, or say --insecure"),
        ("", ("tls://127.0.0.1:1",), "`ca` is not set, and a cluster is joined with certificates; set `ca`, `cert` and `key`"),
        ("", ("tls://127.0.0.1",), "write the address of a Dask scheduler, such as tls://HOST:8786"),
        ("[machines.lab]\nplaces = {}\n", ("lab",), "`machines.lab` has neither `command` nor `url`; set one of them"),
        ('[machines.lab]\ncommand = "x"\nurl = "tls://a:1"\n', ("lab",), "`machines.lab` has `command`, and `url` is a way there too"),
        ('[machines.lab]\ncommand = "x"\nca = "y"\n', ("lab",), "`machines.lab` has `ca`, which goes with `url`"),
        ('[machines."tls://a:1"]\nurl = "tls://b:1"\n', ("tls://a:1",), "has `url`, and its name is a way there too"),
        (
            '[machines."tls://127.0.0.1:1"]\nca = "nowhere"\ncert = "x"\n',
            ("tls://127.0.0.1:1",),
            "`ca` cannot be read: `{repo}/nowhere`: No such file or directory; name a file in PEM",
        ),
        (
            '[machines."tls://127.0.0.1:1"]\nca = "locked"\ncert = "locked"\n',
            ("tls://127.0.0.1:1",),
            "`ca` is `{repo}/locked`, whose key has a passphrase; name one without",
        ),
    ],
)  # fmt: skip
def test_what_leads_to_no_cluster_is_refused(
    settings: str, words: tuple[str, ...], why: str, project: Repo
) -> None:
    project.write("peal.toml", settings)
    project.write("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", *words, code=1).stderr

    assert why.replace("{repo}", str(project.path)) in said
    assert project.recorded("StepStarted") == []


def test_without_distributed_it_is_told_how_to_have_it(project: Repo, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['distributed'] = None\n")
    project.env["PYTHONPATH"] = str(tmp_path)
    plan(project, WORK)

    said = project.peal(*RUN, "--machines", "tcp://127.0.0.1:1", "--insecure", code=1).stderr

    assert (
        '`distributed` is not installed here, which a Dask cluster needs; `pip install "peal-plans[cluster]"`'
        in said
    )


class Trap:
    """What runs when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@with_cluster
def test_what_a_cluster_has_pickled_is_left_alone(project: Repo, tmp_path: Path) -> None:
    """Whoever has a key there would have this machine too."""
    trap = msgpack.packb({"pickled-obj": pickle.dumps(Trap(tmp_path / "sprung")), "num-sub-frames": 0})
    frames = [msgpack.packb({"workers": {"__Pickled__": 1}}), trap]
    lengths = struct.pack("3Q", 2, *map(len, frames))
    message = struct.pack("Q", sum(map(len, (lengths, *frames)))) + lengths + b"".join(frames)
    plan(project, WORK)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_all, args=(server, message), daemon=True).start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        said = project.peal(*RUN, "--machines", url, "--insecure", code=1).stderr
        server.shutdown(socket.SHUT_RDWR)

    assert f"machine `{url.rpartition('/')[2]}-1`" in said
    assert not (tmp_path / "sprung").exists()


def message(answer: bytes) -> bytes:
    """As Dask sends it, with nothing pickled."""
    lengths = struct.pack("QQ", 1, len(answer))
    return struct.pack("Q", len(lengths) + len(answer)) + lengths + answer


@with_cluster
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\x81\x91\x01\x02", "cannot be spoken with: unhashable type: 'list'"),
        (
            msgpack.packb({"workers": {"tls://127.0.0.1:1": {}}}),
            "`tls://127.0.0.1:1` cannot be spoken with: ",
        ),
    ],
    ids=["a list as a key", "a worker with TLS, a scheduler without"],
)
def test_whatever_a_scheduler_answers_is_told_and_is_no_bug(answer: bytes, why: str, project: Repo) -> None:
    plan(project, WORK)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_all, args=(server, message(answer)), daemon=True).start()
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        said = project.peal(*RUN, "--machines", url, "--insecure", code=1).stderr
        server.shutdown(socket.SHUT_RDWR)

    assert why in said
    assert "Traceback" not in said


def _answer_all(server: socket.socket, message: bytes) -> None:
    """With the same, whatever is said."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(message * 2)
            while connection.recv(65536):
                pass
