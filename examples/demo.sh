#!/usr/bin/env bash
# Runs an example in a repository of its own, and says what can be typed there afterwards: demo.sh [quickstart|parallel-merge]
set -euo pipefail

example="${1:-quickstart}"
examples="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
scratch="$(mktemp -d "${TMPDIR:-/tmp}/peal-demo.XXXXXX")"
bin="$(dirname "$(command -v peal)")"

say() { printf '\n%s\n' "$*"; }

show() {
  printf '%s now:\n' "$1"
  sed 's/^/    /' "$1"
}

cp -R "$examples/$example/." "$scratch"
cd "$scratch"
git init --quiet
git config user.name demo
git config user.email demo@example.org
git config core.hooksPath /dev/null
git add .
git -c commit.gpgsign=false commit --quiet --message "The plan"

say "The plan, as peal reads it:"
peal check plan.md

say "peal run plan.md --agent shell --parallel"
peal run plan.md --agent shell --parallel

case "$example" in
  quickstart)
    say "What the reviewer found in task 2, and what its \`sh address\` block made of it:"
    peal logs 2 address --attempt 1
    show site/rounds.html
    ;;
  parallel-merge)
    say "Task 2 changed a line that task 1 had changed; what its \`sh address\` block made of the conflict:"
    peal diff 2
    say "Task 3 calls a function that task 1 has given another name; the tests found that before it landed:"
    peal logs 3 address --attempt 1
    show bells.sh
    ;;
esac

say "What was done, a commit for each task and its merge:"
git --no-pager log --graph --oneline

say "All of it is in a repository of its own. Look around there:"
printf '    cd %q\n' "$scratch"
printf '    export PATH=%q:"$PATH"\n' "$bin"
cat <<'TEXT'
    peal status           # where every task stands
    peal logs 4           # what a task printed
    peal diff 3           # what a task changed
    peal redo 4           # have a task done again ...
    peal resume           # ... now
    peal clean            # remove the worktrees
TEXT
