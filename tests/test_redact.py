"""No secret reaches a session, a report or a log."""

from __future__ import annotations

import pytest

from perfwatch.redact import redact, redact_command


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["--api-key", "abc123"], ["--api-key", "***"]),
        (["--token=abc"], ["--token=***"]),
        (["--hf-token", "x", "--max-tokens", "128"], ["--hf-token", "***", "--max-tokens", "128"]),
        (["--num-tokens=512"], ["--num-tokens=512"]),
        (["--password", "1234"], ["--password", "***"]),
        (["http://user:pass@host/x?api_key=3&n=4"], ["http://***@host/x?api_key=***&n=4"]),
        (["OPENAI_API_KEY=sk-aaaaaaaaaaaaaaaaaaaa", "x"], ["OPENAI_API_KEY=***", "x"]),
        (["-H", "Authorization: Bearer abcdefgh12345678"], ["-H", "Authorization: ***"]),
        (["python", "bench.py", "--batch", "8"], ["python", "bench.py", "--batch", "8"]),
        (["sh", "-c", "serve --hf-token x; run"], ["sh", "-c", "serve --hf-token ***; run"]),
        (["--config", '{"api_key": "x", "n": 4}'], ["--config", '{"api_key": ***, "n": 4}']),
        (["--wandb_key", "x", "--private-key=y"], ["--wandb_key", "***", "--private-key=***"]),
        (["curl", "-u", "bob:x", "http://h/?sig=y&n=4"], ["curl", "-u", "bob:***", "http://h/?sig=***&n=4"]),
        (["mysql", "-px"], ["mysql", "-p***"]),
        (["sshpass", "-p", "x", "ssh"], ["sshpass", "-p", "***", "ssh"]),
        (["serve", "-p", "8000", "--keyboard", "us"], ["serve", "-p", "8000", "--keyboard", "us"]),
        (["-H", "Authorization: Bearer abc"], ["-H", "Authorization: ***"]),
        (["note=password=x", "tokens: 12"], ["note=password=***", "tokens: 12"]),
        (["author: Bob", "passed: 5", "compass=4"], ["author: Bob", "passed: 5", "compass=4"]),
    ],
)
def test_a_command_line_without_its_secrets(command: list[str], shown: list[str]) -> None:
    assert redact_command(command) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnopqrst",
        "hf_abcdefghijklmnopqrst",
        "AKIAABCDEFGHIJKLMNOP",
        "AIza" + "a" * 35,
        "glpat-abcdefghijklmnopqrst",
        "github_pat_abcdefghijklmnopqrst",
        "nvapi-abcdefghijklmnopqrst",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef",
    ],
)
def test_a_well_known_token_is_recognised_anywhere(secret: str) -> None:
    assert secret not in redact(f"echo {secret} done")
