"""What changes between two runs: files that other programs have saved, tasks that are put in, plans that are moved."""

import codecs

import pytest
from conftest import Repo, landed, shell_plan

# Files that other programs have saved


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_settings_and_plan_may_begin_with_a_byte_order_mark(project: Repo, line_end: str) -> None:
    """As Notepad saves them, whatever ends their lines."""
    settings = f"# ours{line_end}agent = 'shell'{line_end}"
    plan = shell_plan("touch a", "touch b").replace("\n", line_end)
    (project.path / "peal.toml").write_bytes(codecs.BOM_UTF8 + settings.encode())
    (project.path / "plan.md").write_bytes(codecs.BOM_UTF8 + plan.encode())

    project.peal("run", "plan.md")

    assert landed(project) == ["1", "2"]


def test_settings_keep_their_byte_order_mark_when_a_key_is_set(project: Repo) -> None:
    path = project.path / "peal.toml"
    path.write_bytes(codecs.BOM_UTF8 + b"# ours\r\nmodel = 'x'\r\n")

    project.peal("config", "max_parallel", "2")

    assert path.read_bytes() == codecs.BOM_UTF8 + b"# ours\r\nmodel = 'x'\r\nmax_parallel = 2\r\n"
    assert project.peal("config", "model").stdout == "x\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_is_saved_as_utf_16_is_told_by_that_name(project: Repo, encoding: str) -> None:
    """Settings, a plan, and a prompt of one's own."""
    plan = project.write("plan.md", shell_plan("touch a"))
    settings = project.write("peal.toml", "agent = 'shell'\n")

    settings.write_bytes(settings.read_text().encode(encoding))
    assert "peal.toml: cannot be read: it is UTF-16; save it as UTF-8" in _refused(project)
    settings.write_text("agent = 'mine'\nnormalize_plan = true\nnormalize_prompt_path = 'prompt.md'\n")
    with settings.open("a") as file:
        file.write("[agents.mine]\ncommand = 'cat {prompt_file}'\n")
    prompt = project.write("prompt.md", "Rewrite {{DOC}}")

    plan.write_bytes(plan.read_text().encode(encoding))
    assert "plan.md` is UTF-16" in _refused(project)
    assert "line 1: the file is UTF-16; save it as UTF-8" in project.peal("check", "plan.md", code=1).stdout

    plan.write_text("Some wishes.\n")
    prompt.write_bytes(prompt.read_text().encode(encoding))
    assert "cannot be read: it is UTF-16; save it as UTF-8" in _refused(project)


def _refused(project: Repo, *flags: str) -> str:
    return project.peal("run", "plan.md", *flags, code=1).stderr
