"""`perfwatch run -w` with a server's page, a log and JSON lines, as people type it."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from commandline import PYTHON, perfwatch, sessions

from perfwatch.session.reader import open_session

sys.path.append(str(Path(__file__).parent.parent / "collectors"))
from serving import Answer, page, serving

NOTHING = ("--only", "simulated", "--no-collector", "simulated")


def summary(home: Path, *job: str, options: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The JSON summary of a run without devices, and what was said."""
    done = perfwatch("run", *NOTHING, "--json", *options, "--", *job, home=home)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)), done.stderr


def records(home: Path) -> list[dict[str, Any]]:
    """What the one run of a home recorded."""
    session = open_session(sessions(home)[0])
    try:
        return [dict(one) for one in session.records()]
    finally:
        session.close()


def whole_job(told: dict[str, Any], name: str) -> dict[str, Any]:
    """The work of that name over the whole job."""
    column = told if told["window"]["kind"] == "job" else told["also"]["job"]
    return dict(column["work"][name])


def test_work_between_two_readings_is_counted_whole(tmp_path: Path) -> None:
    """The job works once the page was read after its start, and ends after that: all of it is counted."""
    done, polls = [100], [0]

    def answer(connection: Any) -> None:
        if "GET /work" in server.requests[-1]:
            done[0] += 7
        polls[0] += "GET /metrics" in server.requests[-1]
        body = f"n_total {done[0]}\n" if "GET /metrics" in server.requests[-1] else str(polls[0])
        page(body)(connection)

    with serving(answer) as server:
        job = (
            "import time, urllib.request\n"
            f"server = 'http://127.0.0.1:{server.port}/'\n"
            "ask = lambda what: int(urllib.request.urlopen(server + what).read())\n"
            "seen = ask('seen')\n"
            "while ask('seen') == seen: time.sleep(0.05)\n"
            "ask('work')\n"
        )
        told, _ = summary(
            tmp_path, PYTHON, "-c", job, options=("-w", f"prometheus={server.url}#queries=n_total")
        )
    counted = whole_job(told, "queries")
    assert (counted["count"], counted["source"]) == (7, "page")


def test_a_servers_address_alone_is_a_page_and_its_secrets_stay_out_of_the_log(tmp_path: Path) -> None:
    with serving(page("vllm:generation_tokens_total 5\n")) as server:
        url = f"http://user:SECRET@127.0.0.1:{server.port}/metrics?key=SECRET"
        told, said = summary(tmp_path, "true", options=("-w", url, "-v"))
    assert told["work"]["generated_tokens"]["source"] == "page"
    recorded = json.dumps(records(tmp_path))
    assert "SECRET" not in recorded + said
    assert f"http://127.0.0.1:{server.port}/metrics" in recorded


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page("", status="500 Oops"), "answers with status 500"),
        (page("<html>", content_type="text/html"), "is a web page (HTML)"),
        (page("", status="302 Found", headers="Location: http://example.invalid/\r\n"), "example.invalid"),
    ],
)
def test_a_server_that_gives_no_page_costs_one_sentence_and_the_run_goes_on(
    tmp_path: Path, answer: Answer, says: str
) -> None:
    with serving(answer) as server:
        told, said = summary(tmp_path, "sleep", "1.5", options=("-w", server.url))
    assert said.count(says) == 1
    assert "Traceback" not in said
    assert told["work"] == {}
    assert "no-work" in [finding["code"] for finding in told["quality"]]


def test_the_state_of_a_page_that_fails_is_recorded(tmp_path: Path) -> None:
    with serving(page("", status="503 Busy")) as server:
        summary(tmp_path, "true", options=("-w", server.url))
    states = [one for one in records(tmp_path) if one.get("event") == "status" and one["collector"] == "page"]
    assert [one["state"] for one in states][:2] == ["ok", "retrying"]
    assert "answers with status 503" in states[1]["reason"]


def test_a_job_that_is_the_server_is_found_when_it_is_up(tmp_path: Path) -> None:
    with serving() as free:
        port = free.port
    script = (
        "import http.server, sys, threading, time\n"
        "asked = []\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        asked.append(1)\n"
        "        body = b'n_total %d\\n' % (10 * len(asked))\n"
        "        self.send_response(200)\n"
        "        self.send_header('Content-Length', str(len(body)))\n"
        "        self.end_headers()\n"
        "        self.wfile.write(body)\n"
        "        if len(asked) == 8: threading.Thread(target=server.shutdown).start()\n"
        "    def log_message(self, *args): pass\n"
        f"server = http.server.ThreadingHTTPServer(('127.0.0.1', {port}), H)\n"
        "server.serve_forever()\n"
    )
    told, said = summary(tmp_path, PYTHON, "-c", script, options=("-w", f"http://127.0.0.1:{port}/metrics#n"))
    rows = [row for record in records(tmp_path) if record.get("c") == "page" for row in record["s"]]
    read = [values[0] for _, _, values in rows if values[0] is not None]
    assert len(read) >= 2  # on a busy machine an answer can come too late to count
    assert whole_job(told, "n")["count"] == read[-1] - read[0]
    assert said.count("does not answer (connection refused)") == 1
    assert said.count("the page ") == 1  # that the server ended with the job is no news


@pytest.mark.parametrize(("kind", "source"), [("log", "output"), ("jsonl", "jsonl")])
def test_a_file_is_read_to_its_end_when_the_job_ends(tmp_path: Path, kind: str, source: str) -> None:
    file = tmp_path / "told: by the job"
    file.write_text('{"queries": 100}\n')
    job = (
        "import sys\n"
        "for n in range(101, 1001):\n"
        "    with open(sys.argv[1], 'a') as out: print('{\"queries\": %d}' % n, file=out)\n"
    )
    spec = f"{kind}={str(file).replace(':', chr(92) + ':')}"
    spec += ':"queries": {queries}' if kind == "log" else ":queries=queries"
    told, _ = summary(tmp_path, PYTHON, "-c", job, str(file), options=("-w", spec))
    counted = whole_job(told, "queries")
    assert (counted["count"], counted["source"]) == (900, source)
    assert isinstance(counted["count"], int)


def test_two_files_of_one_kind_add_and_kinds_stand_beside_each_other(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    job = f"for i in 1 2 3; do echo done >> {a}; echo done >> {b}; echo '{{\"lines\": '$i'}}' >> {c}; done"
    told, _ = summary(
        tmp_path, "sh", "-c", job,
        options=("-w", f"log={a}:^done", "-w", f"log={b}:^done", "-w", f"jsonl={c}:lines=lines"),
    )  # fmt: skip
    counted = whole_job(told, "lines")
    assert (counted["count"], counted["source"]) == (6, "output")
    assert counted["others"] == [{"source": "jsonl", "count": 3}]


def test_a_file_that_cannot_be_read_is_one_sentence_and_the_run_goes_on(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = perfwatch("run", *NOTHING, "-w", f"log={pipe}:x", "--", "sh", "-c", "exit 5", home=tmp_path)
    assert done.returncode == 5
    while_it_ran, verdict = done.stderr.split("it is a pipe")[:2]
    assert while_it_ran.startswith("perfwatch: cannot read")
    assert "Nothing counted work: cannot read" in verdict.replace("\n", " ")


@pytest.mark.parametrize("spec", ["log={}:step {{steps}}", "jsonl={}", "jsonl={}:steps=n", "mllog={}"])
def test_a_directory_in_the_place_of_a_file_is_refused_before_the_job_starts(
    tmp_path: Path, spec: str
) -> None:
    ran = tmp_path / "ran"
    words = ("run", *NOTHING, "-w", spec.format(tmp_path), "--", "touch", str(ran))
    done = perfwatch(*words, home=tmp_path)
    assert done.returncode == 2
    assert f"cannot follow '{tmp_path}': it is a directory; name the " in done.stderr.replace("\n", " ")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("log=server.log", "log=PATH:PATTERN"),
        ("log=server.log:(", "as a regular expression"),
        ("jsonl=x:y", "NAME=KEY.PATH"),
        ("prometheus=ftp://host/", "such as http://127.0.0.1:8000/metrics"),
        ("prometheus=", "nothing follows the equals sign"),
        ("http://127.0.0.1:1/metrics#queries=", "queries=my_requests_total"),
        ("loadgen=", "for example -w loadgen=build/logs"),
        ("loadgen=/proc/version", "name the directory that LoadGen writes to"),
        ("ftp://user:SECRET@host/", "such as"),
        ("jason=x", "KIND is one of"),
    ],
)
def test_a_source_that_is_wrongly_written_is_wrong_use(tmp_path: Path, spec: str, says: str) -> None:
    done = perfwatch("run", *NOTHING, "-w", spec, "--", "true", home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "SECRET" not in done.stderr
    assert sessions(tmp_path) == []


def test_the_recording_gives_the_same_work_again(tmp_path: Path) -> None:
    with serving(page('vllm:request_success_total{finished_reason="stop"} 5\n')) as server:
        told, _ = summary(tmp_path, "sleep", "1.2", options=("-w", server.url))
    again = perfwatch("summary", "last", "--json", home=tmp_path)
    assert json.loads(again.stdout)["work"] == told["work"]


def test_the_doctor_says_whether_a_source_answers(tmp_path: Path) -> None:
    def verdicts(*specs: str) -> list[tuple[str, str]]:
        options = [word for spec in specs for word in ("-w", spec)]
        done = perfwatch("doctor", *NOTHING, "--json", *options, home=tmp_path)
        return [(one["verdict"], one["message"]) for one in json.loads(done.stdout)["collectors"]][
            -len(specs) :
        ]

    with serving(page("vllm:generation_tokens_total 5\n")) as server:
        [(verdict, message)] = verdicts(server.url)
    assert (verdict, message) == ("ok", f"{server.url}: generated_tokens 5")
    (page_verdict, refused), (log_verdict, waits) = verdicts(server.url, f"log={tmp_path}/x:y")
    assert (page_verdict, log_verdict) == ("broken", "ok")
    assert "connection refused" in refused
    assert "will be waited for" in waits


def test_json_lines_can_be_tried(tmp_path: Path) -> None:
    lines = '{"n": {"done": 3}}\nno object\n{"n": {"done": 8}}\n'
    done = perfwatch("try", "--json", "jsonl=x:queries=n.done", home=tmp_path, input=lines)
    found = {"lines": 3, "matched": 2, "totals": {"queries": 8}, "notes": []}
    assert json.loads(done.stdout.splitlines()[-1]) == found


def test_a_page_that_hangs_does_not_lengthen_the_job(tmp_path: Path) -> None:
    def answer(connection: Any) -> None:
        hung.wait(10.0)

    hung = threading.Event()
    try:
        with serving(answer) as server:
            told, _ = summary(tmp_path, "sleep", "1", options=("-w", server.url))
            hung.set()
    finally:
        hung.set()
    assert told["window"]["kind"] == "job"
    assert 0.9 < told["window"]["duration_s"] < 1.9  # the end is waited for 2 s, and is when it was asked
