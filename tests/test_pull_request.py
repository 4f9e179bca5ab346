"""`peal pr` and the key `pr`: a branch is pushed and a request opened or kept up to date, against a bare remote and stand-ins."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import test_backlog_run
from attrs import define
from conftest import Repo, _without, carriers, commit_plan, eventually, shell_plan
from test_backlog_run import Wishes

wishes = test_backlog_run.wishes

SSH = """\
#!/bin/sh
if [ "$1" = -G ]; then
  case "$3" in work) echo "hostname github.com" ;; git.example.org) echo "hostname 10.0.0.5" ;; *) echo "hostname $3" ;; esac
  exit
fi
[ -e "$FAKE_FORGE/ssh-refuses" ] && { echo "Permission denied (publickey), https://me:pa55@x" >&2; exit 255; }
[ -e "$FAKE_FORGE/ssh-hangs" ] && { touch "$FAKE_FORGE/hangs"; exec sleep 797; }
for last; do :; done
cd "$FAKE_REMOTES" && eval "$(echo "$last" | sed "s|'/|'|")"
"""
"""A stand-in for ssh: what it is to run on the other side it runs here, where the bare repositories are."""


@define
class Remote:
    """A repository whose remote is at GitHub, as far as it can tell."""

    project: Repo
    state: Path
    bare: Path

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Those that there are, the oldest first."""
        path = self.state / "requests.json"
        found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return found

    def change(self, number: int, **fields: Any) -> None:
        """What a person does to a request."""
        requests = self.requests
        requests[number - 1] |= fields
        (self.state / "requests.json").write_text(json.dumps(requests))

    def calls(self, *methods: str) -> list[dict[str, Any]]:
        """What the programs were called with, by these methods of HTTP; all for none."""
        found = [json.loads(path.read_text()) for path in sorted(self.state.glob("call-*.json"))]
        return [one for one in found if not methods or any(method in one["argv"] for method in methods)]

    def pushed(self, branch: str) -> str:
        """The commit that the remote has in a branch; empty if it has none of that name."""
        words = ["git", "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"]
        return subprocess.run(words, cwd=self.bare, capture_output=True, text=True, check=True).stdout.strip()

    def pr(self, *words: str, code: int = 0, **more: str) -> str:
        """What `peal pr` says."""
        done = self.project.peal("pr", *words, code=code, **more)
        return done.stdout + done.stderr

    def run(self, *words: str, code: int = 0, plan: str = "plan.md") -> str:
        """What a run of a plan says that lands in a branch of its own."""
        flags = () if "--branch" in words else ("--branch", "feature/{plan}")
        done = self.project.peal("run", plan, "--agent", "shell", *flags, *words, code=code)
        return done.stdout + done.stderr


@pytest.fixture
def remote(project: Repo, tmp_path: Path) -> Remote:
    """What is committed is there; gh and glab are here, and ask nobody but each other's stand-ins."""
    bin_, state, remotes = (tmp_path / name for name in ("bin", "forge", "remotes"))
    for folder in (bin_, state, remotes):
        folder.mkdir()
    fakes = str(Path(__file__).parent / "fakes")
    start = f"import sys; sys.path.append({fakes!r}); import forge; sys.exit(forge.main(sys.argv[1], sys.argv[2:]))"
    scripts = {"ssh": SSH}
    for name in ("gh", "glab"):
        scripts[name] = (
            f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", "-S", "-c", start, name])} "$@"\n'
        )
    for name, script in scripts.items():
        (bin_ / name).write_text(script)
        (bin_ / name).chmod(0o755)
    kept = [_without(("gh", "glab"), Path(place), tmp_path) for place in os.environ["PATH"].split(os.pathsep)]
    project.env |= {
        "PATH": os.pathsep.join([str(bin_), *kept]),
        "FAKE_FORGE": str(state),
        "FAKE_REMOTES": str(remotes),
    }
    bare = remotes / "o/r.git"
    project.git("clone", "-q", "--bare", ".", str(bare))
    project.git("remote", "add", "origin", "git@github.com:o/r.git")
    made = Remote(project, state, bare)
    commit_plan(project, "echo one >one", "echo two >two")
    project.git("push", "-q", "origin", "main")
    return made


# Opened, and kept up to date


def test_a_run_opens_a_request_and_the_next_one_brings_it_up_to_date(remote: Remote) -> None:
    """Its text is anew each time; what people have made of it stays."""
    project = remote.project

    said = remote.run("--pr", "draft", "--pr-costs")

    assert remote.pushed("feature/plan") == project.git("rev-parse", "feature/plan").strip()
    assert remote.pushed("main") == project.git("rev-parse", "main").strip()
    (request,) = remote.requests
    assert (request["title"], request["draft"], request["base"]["ref"]) == ("A plan", True, "main")
    assert "2 of 2 tasks complete" in request["body"]
    assert "pushed `feature/plan` to `origin`: 4 new commits" in said
    assert said.rstrip().endswith("opened a draft pull request into `main`: https://github.com/o/r/pull/1")
    (call,) = remote.calls("POST")
    assert call["argv"][:4] == ["api", "--hostname", "github.com", "--method"]
    assert "2 of 2 tasks complete" in call["stdin"]
    assert not any("tasks complete" in word or "A plan" in word for word in call["argv"])

    assert "https://github.com/o/r/pull/1 is up to date" in remote.pr("--costs")

    body = f"Please look at *two*.\r\n\r\n{request['body']}\r\nMine."
    remote.change(1, draft=False, body=body)
    plan = project.read("plan.md").replace("# A plan", "# Another title\n\nIt is longer now.")
    project.write("plan.md", f"{plan}\n## Task 3: number 3\n\n```sh\necho three >three\n```\n")
    said = remote.run("--pr", "draft")

    (request,) = remote.requests
    assert "brought https://github.com/o/r/pull/1 up to date: title, text" in said
    assert (request["title"], request["draft"]) == ("Another title", False)
    assert request["body"].startswith("Please look at *two*.\r\n\r\n<!-- peal:begin")
    assert request["body"].endswith("<!-- peal:end -->\n\r\nMine.")
    assert request["body"].count("3 of 3 tasks complete") == 1
    assert "2 of 2 tasks complete" not in request["body"]
    assert remote.pushed("feature/plan") == project.git("rev-parse", "feature/plan").strip()

    remote.change(1, title="As I want it")
    project.write("plan.md", project.read("plan.md").replace("# Another title", "# A third"))
    assert "is up to date" in remote.pr()
    assert [one["title"] for one in remote.requests] == ["As I want it"]

    remote.change(1, title="Another title")
    project.git("restore", "plan.md")
    project.git("rm", "-q", "plan.md")
    assert "up to date: title, text" in remote.pr()  # as the branch has it
    assert [one["title"] for one in remote.requests] == ["A plan"]
    project.git("restore", "--staged", "plan.md")

    assert "`origin` has no branch `nope`" in remote.pr("--base", "nope", "--dry-run", code=1)
    calls = len(remote.calls("POST", "PATCH", "PUT"))
    project.git("push", "-q", "origin", "main:refs/heads/release")
    assert "up to date: base" in remote.pr("--base", "origin/release")
    assert remote.requests[0]["base"]["ref"] == "release"
    assert "is up to date" in remote.pr()  # what was asked for once stays
    assert len(remote.calls("POST", "PATCH", "PUT")) == calls + 1


def test_what_was_merged_or_closed_is_not_opened_again_before_something_new_has_come(remote: Remote) -> None:
    remote.run()
    remote.project.git("remote", "add", "fork", "git@github.com:me/r.git")
    assert "would push `feature/plan` to `origin`, not to `fork`: 4" in (said := remote.pr("--dry-run"))
    assert "would open a pull request into `main` of github.com/o/r by `gh`: A plan" in said
    assert (remote.requests, remote.pushed("feature/plan")) == ([], "")
    assert "opened a pull request" in remote.pr()
    assert remote.requests[0]["draft"] is False

    remote.change(1, state="closed")
    assert "pull/1 was closed, and nothing has come into the branch since" in remote.pr(code=1)
    remote.change(1, state="closed", merged_at="2026-01-01T00:00:00Z")
    assert "pull/1 was merged as `feature/plan` is: nothing is left to do" in remote.pr()
    project = remote.project
    project.git("push", "-q", "origin", "feature/plan:main")  # as a forge merges that can fast-forward
    assert "pull/1 was merged as `feature/plan` is: nothing is left to do" in remote.pr()
    remote.change(1, state="open", merged_at=None)
    assert "there is nothing in `feature/plan` that `main` does not have" in remote.pr(code=1)
    project.git("push", "-qf", "origin", "main")
    remote.change(1, state="closed", merged_at="2026-01-01T00:00:00Z")
    project.write("plan.md", project.read("plan.md") + "\n## Task 3: number 3\n\n```sh\necho 3 >three\n```\n")
    remote.run()
    project.git("push", "-q", "origin", "feature/plan:kept")
    assert "opened a pull request into `main`: https://github.com/o/r/pull/2" in remote.pr()
    assert remote.pushed("feature/plan") == remote.pushed("kept")


def test_a_self_hosted_gitlab_is_known_by_who_is_logged_in(remote: Remote) -> None:
    """A repository may lie in folders; what marks a draft in its title is the person's to take away."""
    project = remote.project
    (remote.state.parent / "remotes/group/sub").mkdir(parents=True)
    remote.bare.rename(bare := remote.state.parent / "remotes/group/sub/p r.git")
    remote.bare = bare
    project.git("remote", "set-url", "origin", "ssh://git@Git.Example.ORG:2222/group/sub/p r.git")
    remote.run("--branch", "größe/#1")

    said = remote.pr("--draft", code=1)
    assert "nobody is logged in to git.example.org by `gh` or `glab`" in said
    assert "`glab auth login --hostname git.example.org`" in said
    assert remote.pushed("größe/#1") == ""

    (remote.state / "logged-in").write_text("glab git.example.org\n")
    assert "opened a draft merge request into `main`" in remote.pr("--draft")
    (request,) = remote.requests
    assert (request["title"], request["source_branch"]) == ("Draft: A plan", "größe/#1")
    assert "2 of 2 tasks complete" in request["description"]
    (call,) = remote.calls("POST")
    assert call["argv"][-1] == "projects/group%2Fsub%2Fp%20r/merge_requests"

    project.write("plan.md", project.read("plan.md").replace("# A plan", "# A better one"))
    remote.pr()
    assert remote.requests[0]["title"] == "Draft: A better one"
    remote.change(1, title="A better one")
    project.write("plan.md", project.read("plan.md").replace("# A better one", "# The best"))
    remote.pr("--draft")
    assert remote.requests[0]["title"] == "The best"
    (remote.state / "logged-in").unlink()
    assert "is up to date" in remote.pr(GITLAB_HOST="https://git.example.org/")


# Nothing that is not the run's


def test_commits_of_the_persons_are_not_pushed(remote: Remote) -> None:
    """They are named, with how they get there; a run says so before it begins, and its exit code stays."""
    project = remote.project
    project.write("mine", "secret plans\n")
    project.git("add", "mine")
    project.git("commit", "-qm", "not yet for \x1b[31mothers")

    said = remote.run("--pr", "ready")

    told = "1 commit that `origin` does not have and no plan has brought: "
    assert said.count(told) == 2
    assert 'not yet for others" (A Person)' in said
    begin, _, end = said.partition("made branch")
    head = project.git("rev-parse", "main").strip()
    assert f"if they are to go too, `git push origin {head}:refs/heads/feature/plan`" in begin
    assert "as things stand there will be no pull request" in begin
    assert "no pull request: " in end
    assert end.rstrip().endswith("`git push origin feature/plan`; then `peal pr plan.md --no-draft`")
    assert (remote.pushed("feature/plan"), remote.requests) == ("", [])

    project.git("push", "-q", "origin", "main:mine")
    project.git("--git-dir", str(remote.bare), "branch", "-D", "mine")
    assert told in remote.pr(code=1)  # what was taken back there

    project.git("push", "-q", "origin", "feature/plan")
    other = remote.bare.with_name("other.git")
    project.git("clone", "-q", "--bare", str(remote.bare), str(other))
    project.git("--git-dir", str(other), "branch", "-D", "feature/plan")
    project.git("config", "remote.origin.pushurl", "git@github.com:o/other")
    assert told in remote.pr(code=1)
    project.git("config", "--add", "remote.origin.pushurl", "git@github.com:o/r")
    assert "`origin` pushes to 2 addresses" in remote.pr(code=1)
    project.git("config", "--unset-all", "remote.origin.pushurl")
    assert "opened a pull request" in remote.pr()


def test_earlier_runs_are_the_runs_own_also_after_starting_over(remote: Remote) -> None:
    """And a commit that a person has amended, if it still says which task it is."""
    project = remote.project
    remote.run()
    remote.run("--fresh")
    project.git("switch", "-q", "feature/plan")
    project.write("one", "changed")
    project.git("commit", "-qam", "by hand\n\nPeal-Plan: plan.md\nPeal-Task: 1")

    assert "pushed " in remote.pr()
    project.write("two", "changed")
    project.git("commit", "-qam", "by hand\n\nPeal-Plan: other.md\nPeal-Task: 1")
    assert "no plan has brought" in remote.pr(code=1)
    project.git("commit", "-q", "--amend", "-m", "by hand\n\nPeal-Plan: other\n md\nPeal-Task: 1")
    assert "holds 1 commit that `origin` does not have and no plan has brought: " in remote.pr(code=1)
    project.git("commit", "-q", "--amend", "-m", "by hand\n\nPeal-Plan: plan.md\nPeal-Task: 1")
    project.git("commit", "-qm", "mine", "--allow-empty")
    mine = project.git("rev-parse", "HEAD").strip()
    project.write("two", "changed again")
    project.git("commit", "-qam", "by hand\n\nPeal-Plan: plan.md\nPeal-Task: 1")
    project.git("replace", "--graft", "HEAD", f"{mine}^")
    assert f'brought: {mine[:10]} "mine"' in remote.pr(code=1)


def test_what_landed_in_the_base_itself_is_offered_by_way_of_another_branch(remote: Remote) -> None:
    project = remote.project
    project.peal("run", "plan.md", "--agent", "shell")

    said = remote.pr(code=1)
    assert "the plan has landed in `main`, the branch that a request would be for" in said
    assert "`git branch NEW main`" in said
    assert "`peal pr --branch NEW`" in said
    project.git("branch", "new", "main")
    assert "opened a pull request into `main`" in remote.pr("--branch", "new")
    assert remote.requests[0]["head"]["ref"] == "new"
    assert remote.pushed("main") != remote.pushed("new")

    project.git("branch", "-m", "main", "trunk")
    assert "is called `trunk` now; `peal pr --branch trunk`" in remote.pr(code=1)
    assert "the branch `trunk~1`, in which the plan has landed, is not there" in remote.pr(
        "--branch", "trunk~1", code=1
    )

    project.git("switch", "-q", "-c", "develop", "origin/main")
    project.git("push", "-q", "origin", "develop")
    project.git("switch", "-q", "-c", "here")
    project.peal("run", "plan.md", "--agent", "shell", "--fresh", "--retarget")
    assert "would push `here`" in remote.pr("--dry-run")  # nobody else can work in it
    project.git("push", "-q", "origin", "develop:here")
    assert "`origin` has a branch of that name that no request is open for" in remote.pr(code=1)
    assert remote.pushed("here") == remote.pushed("develop")
    assert "opened a pull request into `main`" in remote.pr("--branch", "here")
    project.git("push", "-qf", "origin", "develop:here")
    assert "pushed `here`" in remote.pr()


def test_a_remote_that_has_gone_another_way_is_left_alone(remote: Remote) -> None:
    project = remote.project
    remote.run("--pr", "ready")
    theirs = project.git("commit-tree", "-p", "feature/plan", "-m", "theirs", "feature/plan^{tree}").strip()
    project.git("push", "-q", "origin", f"{theirs}:refs/heads/feature/plan")
    project.write("plan.md", project.read("plan.md") + "\n## Task 3: number 3\n\n```sh\necho 3 >three\n```\n")

    said = remote.run("--pr", "ready")

    assert "`origin` has commits in `feature/plan` that are not here, and peal never forces" in said
    assert remote.pushed("feature/plan") == theirs


def test_only_what_was_looked_at_is_pushed_and_hooks_look_on(remote: Remote) -> None:
    """Not what comes into the branch meanwhile, nor tags; a hook that refuses is heard."""
    project = remote.project
    project.git("config", "push.followTags", "true")
    hook = project.path / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        '#!/bin/sh\necho "$1 $(cat)" >../hook\nenv >../env\n[ -e ../slow ] && sleep 793\n[ -e ../no ] && { seq 20 >&2; echo "not on Fridays" >&2; exit 1; }\n'
        "git update-ref refs/heads/feature/plan $(git commit-tree -p feature/plan -m meanwhile 'feature/plan^{tree}')\n"
    )
    hook.chmod(0o755)
    remote.run()
    project.git("tag", "-am", "mine", "v1", "feature/plan")
    before = project.git("rev-parse", "feature/plan").strip()
    (project.path.parent / "no").touch()

    assert '`feature/plan` cannot be pushed: "20", "not on Fridays", ' in remote.pr(code=1)
    (project.path.parent / "no").unlink()
    remote.pr()

    assert remote.pushed("feature/plan") == before
    assert project.git("rev-parse", "feature/plan^").strip() == before
    assert (
        (project.path.parent / "hook")
        .read_text()
        .startswith(f"origin {before} {before} refs/heads/feature/plan")
    )
    assert "v1" not in project.git("ls-remote", "origin")
    asks_nobody = {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "LC_ALL="}
    assert asks_nobody <= {*(project.path.parent / "env").read_text().splitlines()}

    (project.path.parent / "slow").touch()
    project.git("update-ref", "refs/heads/feature/plan", before)
    project.write("plan.md", project.read("plan.md") + "\n## Task 3: number 3\n\n```sh\necho 3 >three\n```\n")
    remote.run()
    project.write("peal.toml", "phase_timeout_sec = 1\n")
    assert "`feature/plan` cannot be pushed: it did not end within 1.0s" in remote.pr(code=1)
    assert carriers("FAKE_FORGE", str(remote.state)) == []


# What goes wrong, and what is told of it


def test_what_goes_wrong_at_the_end_of_a_run_is_told_once(remote: Remote) -> None:
    """With git's and the forge's own words and the command that does it again; the exit code is the run's."""
    (remote.state / "ssh-refuses").touch()
    said = remote.run("--pr", "draft", "--json")

    lines = [json.loads(line) for line in said.splitlines()]
    (told,) = [line for line in map(json.dumps, lines) if "no pull request" in line]
    assert "`origin` cannot be reached: " in told
    assert "Permission denied (publickey), https://x" in told
    assert "then `peal pr plan.md --draft`" in told

    (remote.state / "ssh-refuses").unlink()
    answer = {"message": "Validation Failed", "errors": [{"message": "Draft is \x1b[1mnot supported"}]}
    (remote.state / "refuse-POST").write_text(f"422 {json.dumps(answer)}")
    said = remote.pr("plan.md", "--draft", code=1)
    assert "4 new commits" in said
    assert '`gh` could not open a pull request at github.com/o/r: "gh: Validation Failed (HTTP 422)"' in said
    assert '"Draft is not supported"' in said
    (remote.state / "refuse-GET").write_text("200 no JSON")
    assert "`gh` could not look for a pull request" in remote.pr(code=1)
    for garbage in ("{}", '"x"', "[1]"):
        (remote.state / "answer-GET").write_text(garbage)
        assert "what answers at github.com/o/r is no list of pull requests" in remote.pr(code=1)


def test_a_run_that_left_failures_opens_a_draft_and_one_that_stopped_none(remote: Remote) -> None:
    project = remote.project
    project.write("plan.md", shell_plan("echo 1 >one", "exit 3"))
    project.git("commit", "-qam", "another plan")
    project.git("push", "-q", "origin", "main")
    project.write("peal.toml", 'branch = "feature/{plan}"\npr = "ready"\nagent = "shell"\n')

    assert "pull request" not in remote.run(code=1)
    said = project.peal("resume", "--continue-with-remaining-tasks", code=2).stdout
    assert "opened a draft pull request" in said
    said = remote.run("--continue-with-remaining-tasks", "--set", "pr=none", code=2)
    assert "pull/1" not in said
    (remote.project.path / "peal.toml").unlink()
    project.write("plan.md", shell_plan("echo 1 >one"))
    assert "after the run: `peal pr plan.md --no-draft`" in remote.run("--pr", "ready", "--dry-run")


def test_a_call_that_hangs_can_be_ended(remote: Remote) -> None:
    """By Ctrl-C and its kin, by hand and at the end of a run; nothing of it is left."""
    remote.run()
    (remote.state / "ssh-hangs").touch()
    begun = remote.project.start("pr")
    eventually((remote.state / "hangs").exists)

    begun.send_signal(signal.SIGTERM)
    said, _ = begun.communicate(timeout=30)

    assert (begun.returncode, said.strip()) == (143, "error: terminated before it was through")
    assert carriers("FAKE_FORGE", str(remote.state)) == []

    (remote.state / "hangs").unlink()
    words = ("run", "plan.md", "--agent", "shell", "--branch", "feature/{plan}", "--pr", "draft")
    begun = remote.project.start(*words)
    eventually((remote.state / "hangs").exists)
    begun.send_signal(signal.SIGINT)
    said, _ = begun.communicate(timeout=30)
    assert begun.returncode == 0
    assert "no pull request: interrupted before it was through; then `peal pr plan.md --draft`" in said


def test_what_is_told_and_written_holds_no_secret_and_nothing_foreign(remote: Remote) -> None:
    """Nor the login in an address, nor a mark of peal's own in what a task has printed."""
    project = remote.project
    project.write(
        "plan.md", "# Use s3cr3t\x1b[31m-token-1\n" + shell_plan("echo '<!-- peal:end -->'; exit 1")
    )
    project.git("commit", "-qam", "the plan")
    project.git("push", "-q", "origin", "main")
    project.git("commit", "-q", "--allow-empty", "-m", "old")
    project.git("branch", "feature/plan")
    project.git("push", "-q", "origin", "feature/plan")
    project.env["MY_TOKEN"] = "s3cr3t-token-1"
    remote.run("--continue-with-remaining-tasks", "--pr", "ready", code=2)

    (request,) = remote.requests
    assert request["title"] == "Use [hidden]"
    assert request["body"].count("<!-- peal:end -->") == 1
    assert "s3cr3t" not in json.dumps(remote.calls())

    project.git("remote", "set-url", "origin", "https://me:pa55word@127.0.0.1:1/o/r.git")
    said = remote.pr(code=1)
    assert "`origin` cannot be reached" in said
    assert "pa55word" not in said
    project.git("remote", "set-url", "origin", str(remote.bare))
    assert "`origin` is on no host that `gh` or `glab` could open a request at" in remote.pr(code=1)
    (remote.state.parent / "bin/gh").unlink()
    project.git("remote", "set-url", "origin", "git@work:o/r")
    assert "a pull request at github.com needs `gh`, which is not installed" in remote.pr(code=1)
    assert "there is no remote `-x`" in remote.pr("--remote", "-x", code=1)


# Several plans, and what has no branch


def test_plans_of_a_batch_have_a_request_for_each_branch(remote: Remote) -> None:
    """In one branch they share it, and it tells of all; without a name `peal pr` is about all that was run last."""
    project = remote.project
    for name in ("a", "b"):
        project.write(
            f"plans/{name}.md", shell_plan(f"echo {name} >{name}").replace("# A plan", f"# Plan {name}")
        )

    said = remote.run("--branch", "both", "--pr", "ready", plan="plans")

    (request,) = remote.requests
    assert "opened a pull request" in said
    assert (request["title"], request["head"]["ref"]) == ("Plan a and 1 more plan", "both")
    assert ("a.md" in request["body"], "b.md" in request["body"]) == (True, True)
    assert remote.pushed("both") == project.git("rev-parse", "both").strip()

    project.git("push", "-q", "origin", "both:main")
    project.write("c.md", shell_plan("echo c >c").replace("# A plan", "# Plan c"))
    remote.run("--branch", "both", "--pr", "ready", plan="c.md")
    (request,) = remote.requests
    assert ("a.md" in request["body"], "c.md" in request["body"]) == (False, True)

    remote.run("--fresh", "--jobs", "2", plan="plans")
    said = remote.pr()
    assert said.count("opened a pull request") == 2
    assert sorted(one["head"]["ref"] for one in remote.requests) == ["both", "feature/a", "feature/b"]


def test_what_has_no_branch_of_its_own_is_refused(remote: Remote) -> None:
    assert "no plan has been run" in remote.pr(code=1)
    remote.project.peal("run", "plan.md", "--agent", "shell", "--no-commit")
    assert "the plan worked in your own tree and landed nowhere" in remote.pr(code=1)


def test_a_backlog_is_not_offered(wishes: Wishes) -> None:
    wishes.settings('pr = "draft"')
    wishes.put("one")
    said = wishes.run()

    assert "no pull request: `backlog` is a backlog, whose branch is not offered" in said
