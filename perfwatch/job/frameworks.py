"""Which known frameworks, in which versions, are in the environment of running processes?

What a process has mapped (/proc/PID/maps) names the directories of Python packages that it uses; else its
interpreter's own does. What is installed there is read from the names of `*.dist-info` directories (PyPA,
"Recording installed projects"). CUDA and ROCm tell their version in the names of their libraries. Nothing
is run.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

from perfwatch.job.foreign import PROC, ForeignProcess

KNOWN = frozenset(
    [
        "accelerate",
        "bentoml",
        "cerebras_pytorch",
        "cupy",
        "deepspeed",
        "diffusers",
        "flash_attn",
        "furiosa_llm",
        "habana_torch_plugin",
        "jax",
        "jaxlib",
        "keras",
        "lightning",
        "litellm",
        "llama_cpp_python",
        "megatron_core",
        "mlcommons_loadgen",
        "mlserver",
        "mxnet",
        "neuronx_cc",
        "numpy",
        "onnxruntime",
        "onnxruntime_gpu",
        "openvino",
        "optimum",
        "optimum_habana",
        "paddlepaddle",
        "poptorch",
        "pytorch_lightning",
        "ray",
        "rebel_compiler",
        "sglang",
        "tensorflow",
        "tensorrt",
        "tensorrt_llm",
        "torch",
        "torch_neuronx",
        "torch_npu",
        "torch_xla",
        "torchserve",
        "transformers",
        "triton",
        "vllm",
        "vllm_ascend",
        "vllm_rbln",
        "xformers",
    ]
)
"""Distributions that matter to a benchmark, by their normalised names with underscores (PEP 503, PEP 427)."""
MAPS_BYTES = 8 << 20
"""So much of a list of mappings is read."""
_PACKAGES = re.compile(r"(/\S.*?/(?:site|dist)-packages)/")
_INSTALLED = re.compile(r"(?P<name>[\w.]+?)-(?P<version>\d[^-]*)\.dist-info\Z")
_CUDA = re.compile(r"/libcudart[^/]*?\.so\.(\d+(?:\.\d+)+)")
_ROCM = re.compile(r"/rocm-(\d+(?:\.\d+)+)/")
_PYTHON = re.compile(r"/python(3\.\d+)\b")


def versions_of(pids: Iterable[int], root: Path = PROC) -> dict[str, str]:
    """Versions by name: `python`, `torch`, `cuda`, ...; of several the highest pid's is told.

    Args:
        root: where /proc is.
    """
    found: dict[str, str] = {}
    for pid in sorted(pids):
        maps = _maps(pid, root)
        places = list(dict.fromkeys(_PACKAGES.findall(maps))) or _beside_the_interpreter(pid, root)
        for place in places:
            found |= _installed(Path(place))
            python = _python_of(Path(place))
            if python:
                found["python"] = python
        for name, pattern in (("cuda", _CUDA), ("rocm", _ROCM)):
            told = pattern.search(maps)
            if told is not None:
                found[name] = told[1]
    return dict(sorted(found.items()))


def _maps(pid: int, root: Path) -> str:
    try:
        with (root / str(pid) / "maps").open("rb") as file:
            return file.read(MAPS_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _beside_the_interpreter(pid: int, root: Path) -> list[str]:
    """The packages of the Python that a process was started with; nothing of other programs."""
    process = ForeignProcess(pid, root)
    words = process.command()
    program = Path(words[0]) if words else Path()
    if not program.name.startswith("python"):
        return []
    prefixes = [_absolute(program, pid, root).parent.parent] if len(program.parts) > 1 else []
    environment = process.environment()
    prefixes += [Path(environment[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environment.get(name)]
    with contextlib.suppress(OSError):
        prefixes.append((root / str(pid) / "exe").readlink().parent.parent)
    for prefix in prefixes:
        places = [*prefix.glob("lib/python3*/site-packages"), *prefix.glob("lib/python3*/dist-packages")]
        if places:
            return [str(place) for place in places]
    return []


def _absolute(program: Path, pid: int, root: Path) -> Path:
    try:
        return (root / str(pid) / "cwd").readlink() / program
    except OSError:
        return program


def _installed(place: Path) -> dict[str, str]:
    try:
        names = [entry.name for entry in place.iterdir() if entry.name.endswith(".dist-info")]
    except OSError:
        return {}
    matches = filter(None, map(_INSTALLED.match, names))
    return {
        match["name"].lower().replace(".", "_"): match["version"]
        for match in matches
        if match["name"].lower().replace(".", "_") in KNOWN
    }


def _python_of(place: Path) -> str | None:
    """The version of a virtual environment's Python, else what its path tells of it."""
    try:
        lines = (place.parents[2] / "pyvenv.cfg").read_text(errors="replace").splitlines()
    except (OSError, IndexError):
        lines = []
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info") and re.match(r"\s*3\.\d+", value):
            return ".".join(value.strip().split(".")[:3])
    told = _PYTHON.search(str(place))
    return told[1] if told else None
