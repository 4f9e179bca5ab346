#!/usr/bin/env python3
"""
A clerk who works on phases of items without understanding them: a wish is one sentence that goes onto one page.

peal tells the item in PEAL_ITEM, the phase in PEAL_PHASE, and in PEAL_RESULT the file that the result goes into. What is known
of the item stands in the prompt, on standard input.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

PLAN = """# {title}

## Task 1: List the page

```sh
grep -qx {page} site/pages.txt || echo {page} >>site/pages.txt
```

## Task 2: Say it there

```sh
cat >>site/{page}.txt <<'END'
{title}.
END
```
"""


def page_in(text: str) -> str:
    """The page that a line `Page: name` tells."""
    found = re.search(r"^Page: (\w+)$", text, re.MULTILINE)
    return found[1] if found else ""


def triage(page: str) -> dict[str, Any]:
    """What says its page is small, and skips the phases that find out what it takes."""
    size = "small" if page else "medium"
    return {
        "summary": f"a {size} wish",
        "pipeline_type": "page",
        "updated_assessments": {"size": size, "risk": "low"},
    }


def scope(page: str, folder: Path) -> dict[str, Any]:
    """Asks for the page, or writes it down for the phase that comes next."""
    if not page:
        return {
            "result": "blocked",
            "summary": "the wish does not say where",
            "context": "Which page does it belong on? Answer `Page: name`.",
            "block_type": "clarification",
        }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scope.md").write_text(f"Page: {page}\n", encoding="utf-8")
    return {"summary": f"it belongs on the page {page}"}


def spec(title: str, page: str, folder: Path) -> dict[str, Any]:
    """Writes the plan that is carried out in the next phase."""
    scoped = folder / "scope.md"
    page = page_in(scoped.read_text(encoding="utf-8")) if scoped.exists() else page
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.md").write_text(PLAN.format(title=title, page=page), encoding="utf-8")
    return {"summary": f"a plan for the page {page}"}


item, phase = os.environ["PEAL_ITEM"], os.environ["PEAL_PHASE"]
prompt = sys.stdin.read()
title = re.search(rf"^Item {re.escape(item)}: (.*)$", prompt, re.MULTILINE)[1]
told = re.search(r"belongs in the folder `(.+)/`", prompt)
folder = Path(told[1]) if told else Path()
page = page_in(prompt)
match phase:
    case "triage":
        answer = triage(page)
    case "scope":
        answer = scope(page, folder)
    case "spec":
        answer = spec(title, page, folder)
result = {"item_id": item, "phase": phase, "result": "phase_complete", **answer}
Path(os.environ["PEAL_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
