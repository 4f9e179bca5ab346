#!/usr/bin/env bash
# The demo: runs examples/quickstart in a repository of its own, and says what can be typed there afterwards.
set -euo pipefail

examples="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
scratch="$(mktemp -d "${TMPDIR:-/tmp}/peal-demo.XXXXXX")"
bin="$(dirname "$(command -v peal)")"

say() { printf '\n%s\n' "$*"; }

cp "$examples"/quickstart/* "$scratch"
cd "$scratch"
git init --quiet
git add .
git -c user.name=demo -c user.email=demo@example.org -c commit.gpgsign=false commit --quiet --no-verify --message "The plan"

say "The plan, as peal reads it (tasks 2 to 4 may run side by side):"
peal check plan.md

say "peal run plan.md --agent shell --parallel"
peal run plan.md --agent shell --parallel

say "What the reviewer found in task 2, and what its \`sh address\` block made of it:"
peal logs 2 address --attempt 1
printf 'site/rounds.html now:\n'
sed 's/^/    /' site/rounds.html

say "What was done:"
git status --short --untracked-files=all

say "All of it is in a repository of its own. Look around there:"
printf '    cd %q\n' "$scratch"
printf '    export PATH=%q:"$PATH"\n' "$bin"
cat <<'TEXT'
    peal status           # where every task stands
    peal logs 5           # what a task printed
    peal redo 3           # have a task done again ...
    peal resume           # ... now
TEXT
