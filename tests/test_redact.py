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
    ],
)
def test_a_command_line_without_its_secrets(command: list[str], shown: list[str]) -> None:
    assert redact_command(command) == shown


@pytest.mark.parametrize(
    "secret", ["sk-abcdefghijklmnopqrst", "hf_abcdefghijklmnopqrst", "AKIAABCDEFGHIJKLMNOP"]
)
def test_a_well_known_token_is_recognised_anywhere(secret: str) -> None:
    assert secret not in redact(f"echo {secret} done")
