"""No secret reaches a session, a report or a log."""

from __future__ import annotations

import time

import pytest

from perfwatch.redact import redact, redact_command, without_users


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


SECRET = "S3cretValue99"


@pytest.mark.parametrize(
    "command",
    [
        ["ipmitool", "-H", "bmc", "-P", SECRET, "sdr"],
        ["ipmitool", "-k", SECRET, "sdr"],
        ["sudo", "-n", "/usr/bin/ipmitool", "-vP" + SECRET],
        ["curl", "-uroot:" + SECRET, "http://h"],
        ["env", "A=b", "curl", "-su", "root:" + SECRET],
        ["curl", "-u", SECRET + ":"],
        ["curl", "-b", "sessionid=" + SECRET],
        ["curl", "-bid=" + SECRET],
        ["docker", "--config", "d", "login", "-u", "x", "-p", SECRET],
        ["redis-cli", "-a", SECRET],
        ["ldapsearch", "-xw", SECRET],
        ["snmpget", "-v2c", "-c", SECRET, "pdu"],
        ["nohup", "mysql", "-p" + SECRET],
        ["sshpass", "-p", SECRET, "ssh", "h"],
        ["wandb", "login", "0123456789abcdef0123456789" + SECRET],
    ],
)
def test_a_short_option_is_secret_to_the_program_that_means_it_so(command: list[str]) -> None:
    assert SECRET not in repr(redact_command(command))
    assert SECRET not in redact(" ".join(command))
    assert SECRET not in repr(redact_command(["sh", "-c", "cd d && " + " ".join(command) + "; true"]))


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        (f"Authorization: Custom {SECRET}", "Authorization: ***"),
        (f"Cookie: a=b; session={SECRET}", "Cookie: ***"),
        (f"-HCookie: a=b; session={SECRET}", "-HCookie: ***"),
        (f"X-Api-Key: a {SECRET}", "X-Api-Key: ***"),
        (f"postgres://user:p@{SECRET}@host/db", "postgres://***@host/db"),
        (f"postgres://user:p/{SECRET}@host/db", "postgres://***@host/db"),
        (f"a://u:{SECRET}@h1,b://u:{SECRET}@h2", "a://***@h1,b://***@h2"),
        (f"http://u:{SECRET}@h/x?mail=a@b", "http://***@h/x?mail=a@b"),
        (f"https://hooks.slack.com/services/T0/B0/{SECRET}", "https://hooks.slack.com/services/***"),
        (f"AccountKey={SECRET}", "AccountKey=***"),
        (f"--password=a, b {SECRET}", "--password=***"),
        (f'{{\\"password\\": \\"{SECRET}\\", \\"n\\": 4}}', '{\\"password\\": ***, \\"n\\": 4}'),
        (f'{{"password": "a\\"{SECRET}"}}', '{"password": ***}'),
        (f"sh -c \"curl -H 'Cookie: a=b; c={SECRET}' http://h\"", "sh -c \"curl -H 'Cookie: ***' http://h\""),
        (f"can't start: --token {SECRET} isn't known", "can't start: --token *** isn't known"),
        (f'["--token", "{SECRET}", "-p", "80"]', '["--token", ***, "-p", "80"]'),
    ],
)
def test_all_of_a_secret_is_hidden_and_nothing_beside_it(argument: str, shown: str) -> None:
    assert redact_command(["run", argument]) == ["run", shown]


@pytest.mark.parametrize("option", ["--creds", "--pw", "--jwt", "--token", "--clientSecret", "--accountKey"])
@pytest.mark.parametrize("value", [SECRET, "-" + SECRET])
def test_the_value_of_a_secret_option_may_begin_with_a_dash(option: str, value: str) -> None:
    assert redact_command(["run", option, value]) == ["run", option, "***"]


@pytest.mark.parametrize("option", ["--user", "--proxy-user", "-u"])
def test_a_user_is_shown_without_the_password(option: str) -> None:
    assert redact_command(["run", option, f"me:{SECRET}"]) == ["run", option, "me:***"]


@pytest.mark.parametrize(
    "line",
    [
        "serve -p 8080 -P 4 -b 32 -u 2 -a 3 -w loadgen=DIR",
        "serve --tokenizer x --max-tokens 64 --pw-opts a --user bob",
        "serve --use-auth-token --port 80",
        "serve --use-auth-token -j16",
        "serve http://localhost:8000/v1/a@b http://h/x?mail=a@b http://[::1]:8000/a@b",
        "python -u train.py",
        "docker run -p 8080:80 -u 1000:1000 registry/auth:1.2",
        "git clone git@github.com:a/b",
        "git checkout 0123456789abcdef0123456789abcdef01234567",
        "ipmitool -H bmc -U admin -f password.txt sdr",
        "curl -b jar.txt -o out http://h",
        "mysql -P 3306 -u root",
        "ssh -p 22 h",
        "wandb sync 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_ordinary_arguments_stay(line: str) -> None:
    assert redact_command(line.split()) == line.split()
    assert redact_command(["sh", "-c", line]) == ["sh", "-c", line]


def test_a_header_without_a_secret_stays() -> None:
    assert redact_command(["curl", "-H", "Accept: text/plain"]) == ["curl", "-H", "Accept: text/plain"]


def test_what_another_program_means_by_a_letter_stays() -> None:
    """Also behind a program to which the same letter is a password."""
    assert redact_command(["sshpass", "-p", SECRET, "ssh", "-p", "22"])[3:] == ["ssh", "-p", "22"]
    assert redact(f"mysql -p{SECRET} db; serve -p 8080") == "mysql -p*** db; serve -p 8080"


@pytest.mark.parametrize(
    "piece",
    [
        "-",
        "a.",
        "a-",
        "key ",
        "key:",
        "' \"",
        '\\"',
        "\\",
        "://a:",
        ":\\/\\/a:",
        "eyJ-",
        "mysql -p ",
        'cookie:a="',
        ")a",
        ",a",
    ],
)
@pytest.mark.parametrize("before", ["", "key: ", "a://u:", '"'])
def test_the_time_grows_with_the_length_alone(before: str, piece: str) -> None:
    """The square of 100 kB would be minutes."""
    text = (before + piece * 100_000)[:100_000]
    began_s = time.process_time()
    redact_command(["curl", "-u", "me", text])
    assert time.process_time() - began_s < 10.0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "cannot read redfish at 'https:/u:secret@lab1': write",
            "cannot read redfish at 'https:/***@lab1': write",
        ),
        ("cannot read redfish at 'u:secret@lab1:1'", "cannot read redfish at '***@lab1:1'"),
        ("collector 'shelly=http://u:secret@lab1/'", "collector 'shelly=http://***@lab1/'"),
        (
            "user=VARIABLE,password=VARIABLE at http://lab1:80/",
            "user=VARIABLE,password=VARIABLE at http://lab1:80/",
        ),
        ("write to me@lab1: it works", "write to me@lab1: it works"),
    ],
)
def test_who_asks_is_shown_in_no_sentence(text: str, shown: str) -> None:
    assert without_users(text) == shown
