"""What is built is stamped with the commit that it is built from; setup.cfg names these commands in place of setuptools' own."""

import runpy
import shutil
from pathlib import Path
from typing import Any

from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

_VERSION = runpy.run_path("peal/system/version.py")


class BuildPy(build_py):
    """The package; without what an earlier build has left, such as modules that were moved since."""

    def run(self) -> None:
        """What is built in place stays without a stamp, as an editable install: it is the checkout."""
        package = Path(self.build_lib, "peal")
        if self.editable_mode or package.resolve() == Path("peal").resolve():
            super().run()
            return
        shutil.rmtree(package, ignore_errors=True)
        commit = _VERSION["commit"]("peal")
        super().run()
        _stamp(package, commit)


class Sdist(sdist):
    """The source, which then knows its commit without git."""

    def make_release_tree(self, base_dir: str, files: Any) -> None:
        """The commit is asked for first, for the tree is made inside the checkout."""
        commit = _VERSION["commit"]("peal")
        super().make_release_tree(base_dir, files)
        _stamp(Path(base_dir, "peal"), commit)


def _stamp(package: Path, commit: str) -> None:
    """The file is made anew: one that is there may be the source's own, by a hard link."""
    stamp = package / _VERSION["STAMP"]
    stamp.unlink(missing_ok=True)
    if commit:
        stamp.write_text(f"{commit}\n", encoding="ascii")
