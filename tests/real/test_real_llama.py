"""llama-server: what its answers say beside what its page says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real.places import PROGRAMS, llama_server, llama_tools
from real.processes import answering, free_ports, server
from real.running import watched

if TYPE_CHECKING:
    from real.comparing import Comparison

pytestmark = pytest.mark.real


def version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("version")]
    return found[0].removeprefix("version:").strip() if found else "?"


def test_llama_server(tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    program, tools = llama_server(), llama_tools()
    model, result, (port,) = tmp_path / "tiny.gguf", tmp_path / "asked.json", free_ports(1)
    subprocess.run([tools.python, PROGRAMS / "tiny_gguf.py", model], capture_output=True, check=True)
    url = f"http://127.0.0.1:{port}"
    options = ("--metrics", "-t", "1", "-np", "2", "-c", "2048", "--no-webui")
    body = json.dumps(
        {"prompt": "count the queries and weigh the joules", "n_predict": 40, "ignore_eos": True}
    )
    moved = ("--until", f"{url}/metrics", "llamacpp:tokens_predicted_total", str(30 * 40))
    with server(
        *(program, "-m", str(model), "--host", "127.0.0.1", "--port", str(port), *options),
        ready=answering(f"{url}/health"),
        log=tmp_path / "server.log",
    ):
        run = watched(
            *(tools.python, str(PROGRAMS / "ask.py"), f"{url}/completion", body, "30", *moved),
            *("--result", str(result)),
            home=tmp_path / "home",
            options=("-w", url),
        )
    theirs = json.loads(result.read_text())
    with compared(f"llama-server {version(program)}") as table:
        table.equal("generated_tokens", theirs["tokens_predicted"], run.count("generated_tokens"))
        table.equal("prompt_tokens, cached ones too", theirs["tokens_evaluated"], run.count("prompt_tokens"))
        table.equal("queries: none on its page", None, run.count("queries"))
