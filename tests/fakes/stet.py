"""
A stand-in for the review CLI `stet` with its sessions, and a rule in place of its model.

A line that a change adds and that holds `FLAW <text>` is one finding: an error, or what `FLAW(warning) <text>` says.
What it remembers is in `.review` of the worktree, or where STET_STATE_DIR says; each call is a line in `$FAKE_STET/log`.
How it feels is in `$FAKE_STET/mood`, a word a line: `down` (its model is), `hang`, `crash` (in the middle of a review),
`garbage`, `many` (10,000 findings in the first file), `anonymous` (git does not know who commits: `finish` fails). With
`once` in front it is over after one review. `note WORDS` adds words to each message.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

REASONS = ("false_positive", "already_correct", "wrong_suggestion", "out_of_scope")
HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
FLAW = re.compile(r"FLAW(?:\((\w+)\))? (.*)")
HOME = Path(os.environ["FAKE_STET"])


def main(command, *words):
    with (HOME / "log").open("a", encoding="utf-8") as log:
        log.write(" ".join([command, *words]) + "\n")
    flags = [word for word in words if word.startswith("-")]
    rest = [word for word in words if not word.startswith("-")]
    commands = {
        "start": start,
        "run": run,
        "rerun": rerun,
        "finish": finish,
        "dismiss": dismiss,
        "list": show,
    }
    if command not in commands:
        refuse(f'unknown command "{command}" for "stet"')
    commands[command](rest, flags)


def refuse(why, code=1):
    print(why, file=sys.stderr)
    sys.exit(code)


def git(*words, check=True):
    """As the real one does: with hardly any environment."""
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, env=env)
    if check and done.returncode:
        refuse(done.stderr.strip())
    return done.stdout


def root():
    return Path(git("rev-parse", "--show-toplevel").removesuffix("\n"))


def folder():
    return Path(os.environ.get("STET_STATE_DIR") or root() / ".review")


def session():
    try:
        return json.loads((folder() / "session.json").read_text())
    except FileNotFoundError:
        refuse("no active session; run stet start first")


def save(values):
    folder().mkdir(parents=True, exist_ok=True)
    beside = folder() / f"session.{os.getpid()}.tmp"
    beside.write_text(json.dumps(values))
    beside.replace(folder() / "session.json")


def tree(baseline):
    trees = Path(os.environ.get("STET_WORKTREE_ROOT") or folder() / "worktrees")
    return trees / f"stet-{baseline[:12]}"


def hunks(baseline, head):
    found, path = [], ""
    for line in git("-c", "core.quotePath=false", "diff", f"{baseline}..{head}").split("\n"):
        if line.startswith("+++ ") and (not found or found[-1]["left"] <= 0):
            path = line[4:].rstrip("\t").removeprefix("b/")
        elif match := HEADER.match(line):
            size = int(match[2] or 1)
            found.append({"file": path, "start": int(match[1]), "size": size, "left": size, "lines": []})
        elif found and found[-1]["left"] > 0:
            found[-1]["lines"].append(line)
            found[-1]["left"] -= not line.startswith("-")
    return found


def key(hunk):
    return hashlib.sha256("\n".join([hunk["file"], *hunk["lines"]]).encode()).hexdigest()


def holds(hunk, finding):
    return finding["file"] == hunk["file"] and 0 <= finding["line"] - hunk["start"] < hunk["size"]


def moods():
    try:
        return (HOME / "mood").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def feels(word):
    """Whether it is in this mood."""
    told = moods()
    if f"once {word}" in told:
        told.remove(f"once {word}")
        (HOME / "mood").write_text("\n".join(told))
        return True
    return word in told


def reach_model():
    if feels("down"):
        refuse("Error: Ollama unreachable at http://localhost:11434. Is the server running?", 2)


def review(given):
    if feels("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    (HOME / "reviewing").touch()
    if feels("hang"):
        time.sleep(600)
    note = next((word.removeprefix("note") for word in moods() if word.startswith("note ")), "")
    found = []
    for hunk in given:
        number = hunk["start"]
        for line in hunk["lines"]:
            if line.startswith("+") and (match := FLAW.search(line)):
                found.append(finding(hunk["file"], number, match[1] or "error", match[2].strip() + note))
            number += not line.startswith("-")
    if feels("many") and given:
        found += [
            finding(given[0]["file"], given[0]["start"], "warning", f"point {one}") for one in range(10_000)
        ]
    return found


def finding(path, line, severity, message):
    return {
        "id": hashlib.sha256(f"{path}:{line}:{message}".encode()).hexdigest(),
        "file": path,
        "line": line,
        "severity": severity,
        "category": "bug",
        "confidence": 0.9,
        "message": message,
        "suggestion": "take it out",
    }


def answer(values, flags):
    standing = [one for one in values["findings"] if one["id"] not in values["dismissed"]]
    if feels("garbage"):
        print('{"findings": [oh')
    elif "--output=json" in flags or "--json" in flags:
        print(json.dumps({"findings": standing}))
    else:
        for one in standing:
            print(
                f"{one['id'][:7]}  {one['file']}:{one['line']}  {one['severity'].upper()}  {one['message']}"
            )
        print(f"{len(standing)} finding(s).")


def start(rest, flags):
    if git("status", "--porcelain").strip() and "--allow-dirty" not in flags:
        refuse("working tree has uncommitted changes; commit or stash before starting")
    baseline, head = (git("rev-parse", name).strip() for name in ([*rest, "HEAD"][0], "HEAD"))
    values = {"baseline": baseline, "last": head, "findings": [], "dismissed": []}
    if baseline != head:
        reach_model()
        if subprocess.run(["git", "merge-base", "--is-ancestor", baseline, "HEAD"], check=False).returncode:
            refuse("baseline ref is not an ancestor of HEAD")
        if tree(baseline).exists():
            refuse("worktree already exists; finish or cleanup current review first")
        git("worktree", "add", "-q", "--detach", str(tree(baseline)), baseline)
        save({**values, "last": ""})
        values["findings"] = review(hunks(baseline, head))
    save(values)
    answer(values, flags)


def run(_rest, flags):
    """What is new or has changed since the last time, but for hunks in which anything was ever dismissed."""
    values, head = session(), git("rev-parse", "HEAD").strip()
    before = {key(hunk) for hunk in hunks(values["baseline"], values["last"])} if values["last"] else set()
    gone = [one for one in values["findings"] if one["id"] in values["dismissed"]]
    changed = [hunk for hunk in hunks(values["baseline"], head) if key(hunk) not in before]
    given = [hunk for hunk in changed if not any(holds(hunk, one) for one in gone)]
    if given:
        reach_model()
        found = review(given)
        again = {one["id"] for one in found}
        for one in values["findings"]:
            if one["id"] not in again and any(holds(hunk, one) for hunk in given):
                values["dismissed"].append(one["id"])
        values["findings"] += found
    values["last"] = head
    save(values)
    answer(values, flags)


def rerun(_rest, flags):
    values, head = session(), git("rev-parse", "HEAD").strip()
    reach_model()
    found = review(hunks(values["baseline"], head))
    if "--replace" in flags:
        values |= {"findings": found, "dismissed": []}
    else:
        values["findings"] += found
    values["last"] = head
    save(values)
    answer(values, flags)


def finish(_rest, _flags):
    values = session()
    if tree(values["baseline"]).exists():
        git("worktree", "remove", "--force", str(tree(values["baseline"])))
    if feels("anonymous"):
        refuse("Could not write Git note for this review.")
    git(
        "-c",
        "user.name=stet",
        "-c",
        "user.email=stet@example.org",
        "notes",
        "--ref=stet",
        "add",
        "-f",
        "-m",
        "seen",
    )
    (folder() / "session.json").unlink()


def dismiss(rest, _flags):
    values, (name, *reason) = session(), rest
    if reason and reason[0] not in REASONS:
        refuse(f"Invalid reason; use one of: {', '.join(REASONS)}.")
    meant = {one["id"] for one in values["findings"] if one["id"].startswith(name)}
    if len(name) < 4 or len(meant) != 1:
        refuse(f'no finding, or more than one, with id "{name}"')
    values["dismissed"] += meant - set(values["dismissed"])
    save(values)


def show(_rest, flags):
    answer(session(), flags)


main(*sys.argv[1:])
