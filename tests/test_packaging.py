"""Does what we would hand out work: the wheel and the sdist, in an environment of their own?

Nothing here uses the network: packages are built with the setuptools of the test environment, and the new
environments see its dependencies through a .pth file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from perfwatch_collectors import __file__ as collectors_init
from perfwatch_collectors.described.language import load

from perfwatch import __version__, plugins

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ROOT / "tests" / "data" / "foreign_collector"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def run(*command: object, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LC_ALL": "C.UTF-8", **environment},
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source") / "perfwatch"
    copytree(ROOT, source, ignore=ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__"))
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


class Environment:
    """A virtual environment without perfwatch that sees the dependencies of this one."""

    def __init__(self, directory: Path) -> None:
        run(sys.executable, "-m", "venv", "--without-pip", directory)
        self.python = directory / "bin" / "python"
        (self.site,) = directory.glob("lib/python3*/site-packages")
        self._directory = directory
        (self.site / "dependencies.pth").write_text(f"{self._dependencies()}\n")

    def _dependencies(self) -> Path:
        """A directory of links to all that is installed here, perfwatch left out."""
        links = self._directory / "dependencies"
        links.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if "perfwatch" not in path.name and path.suffix != ".pth":
                (links / path.name).symlink_to(path)
        return links

    def install(self, package: Path) -> None:
        run(
            sys.executable, "-m", "pip", "--python", self.python, "install", "--no-index", "--no-deps",
            "--no-build-isolation", "--disable-pip-version-check", "-q", package,
        )  # fmt: skip

    def perfwatch(self, *arguments: str) -> str:
        return run(self._directory / "bin" / "perfwatch", *arguments, cwd=self._directory)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(wheel)
    return environment


def test_the_version_is_the_same_everywhere() -> None:
    """`--version` prints a constant, so that it need not search the installed metadata."""
    assert __version__ == PROJECT["project"]["version"]


def test_the_table_of_built_in_collectors_agrees_with_the_project_file() -> None:
    targets = PROJECT["project"]["entry-points"]["perfwatch.collectors"]
    described = {load(file).name: file.name for file in (ROOT / "collectors" / "chips").glob("*.toml")}
    assert {name: row.target for name, row in plugins.builtin().items()} == {**targets, **described}


def test_the_table_of_built_in_collectors_says_what_their_classes_say() -> None:
    table = json.loads(Path(collectors_init).with_name("builtin.json").read_text(encoding="utf-8"))
    for name, row in table.items():
        loaded = plugins.load(plugins.find(name))
        assert loaded.name == name
        assert loaded.about == row["about"], f"{name}: run `make table`"


def test_the_packages_that_exist_are_all_declared() -> None:
    roots = {"perfwatch": "perfwatch", "collectors": "perfwatch_collectors", "themes": "perfwatch_themes"}
    found = {
        ".".join([name, *path.parent.relative_to(ROOT / folder).parts])
        for folder, name in roots.items()
        for path in (ROOT / folder).glob("**/__init__.py")
    }
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_the_wheel_holds_the_program_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "perfwatch",
        "perfwatch_collectors",
        "perfwatch_themes",
        f"perfwatch-{__version__}.dist-info",
    }
    for wanted in (
        "perfwatch/py.typed",
        "perfwatch_collectors/py.typed",
        "perfwatch_collectors/builtin.json",
        "perfwatch_collectors/chips/rebellions.toml",
        "perfwatch_collectors/described/collector.py",
    ):
        assert wanted in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    modules = {path.relative_to(ROOT) for path in ROOT.glob("perfwatch/**/*.py")}
    assert modules == {Path(name) for name in names if name.startswith("perfwatch/") and name.endswith(".py")}


def test_the_sdist_holds_what_building_needs(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for wanted in (
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "collectors/builtin.json",
        "collectors/py.typed",
    ):
        assert wanted in names


def test_the_wheel_works_in_an_environment_of_its_own(installed: Environment) -> None:
    assert installed.perfwatch("--version") == f"perfwatch {__version__}\n"
    where = run(installed.python, "-c", "import perfwatch; print(perfwatch.__file__)", cwd=installed.site)
    assert where.startswith(str(installed.site))
    assert "nvidia" in installed.perfwatch("collectors")


def test_an_installed_perfwatch_runs_a_job(installed: Environment, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    told = installed.perfwatch(
        "run",
        "--no-record",
        "-c",
        "simulated:devices=2",
        "--summary-json",
        str(summary),
        "--",
        "echo",
        "worked",
    )
    assert told == "worked\n"
    assert json.loads(summary.read_text())["session"]["exit_status"] == 0


def test_an_editable_install_works(tmp_path: Path) -> None:
    """The one that `make` uses."""
    source = tmp_path / "perfwatch"
    copytree(
        ROOT, source, ignore=ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests")
    )
    environment = Environment(tmp_path / "environment")
    run(
        sys.executable, "-m", "pip", "--python", environment.python, "install", "--no-index", "--no-deps",
        "--no-build-isolation", "--disable-pip-version-check", "-q", "--editable", source,
    )  # fmt: skip
    (source / "perfwatch" / "__init__.py").write_text('__version__ = "9.9.9"\n')
    assert environment.perfwatch("--version") == "perfwatch 9.9.9\n"
    assert "simulated" in environment.perfwatch("collectors")


def test_a_foreign_package_appears_like_a_built_in_collector(installed: Environment, tmp_path: Path) -> None:
    source = tmp_path / "foreign"
    copytree(FOREIGN, source)
    installed.install(source)
    lines = installed.perfwatch("collectors").splitlines()
    (abacus,) = [line for line in lines if line.split()[:1] == ["abacus"]]
    assert "one abacus" in abacus or "perfwatch-abacus" in abacus
    found = installed.perfwatch("snapshot", "--only", "abacus", "--json")
    assert "ABACUS-1" in found
    assert "3.5" in found


def test_no_instruction_installs_perfwatch_by_its_bare_name() -> None:
    """On the public registry that name belongs to another project."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("perfwatch/**/*.py")]
    for page in pages:
        text = " ".join(page.read_text(encoding="utf-8").split())
        assert not re.search(r"(pip|pipx|tool) install( -\S+)* perfwatch\b", text), page
