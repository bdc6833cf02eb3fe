from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.errors import ConfigError
from perfwatch.workload.patterns import Finding, Says, compile_pattern, parse_number

TOTAL, INC, RATE, TIMING, GAUGE = Says.TOTAL, Says.INCREMENT, Says.RATE, Says.TIMING, Says.GAUGE

NUMBERS: list[tuple[str, float | None]] = [
    ("0", 0),
    ("42", 42),
    ("+42", 42),
    ("-1.5", -1.5),
    (".5", 0.5),
    ("1,234", 1234),
    ("1,234,567.5", 1234567.5),
    ("1_000_000", 1_000_000),
    ("1'000", 1000),
    ("1\u202f000", 1000),
    ("1.5e3", 1500),
    ("5e-05", 5e-05),
    ("12.5k", 12_500),
    ("3M", 3_000_000),
    ("2.5G", 2_500_000_000),
    ("1K", 1000),
    ("nan", None),
    ("NaN", None),
    ("inf", None),
    ("-inf", None),
    ("1e400", None),
    ("9" * 30, None),
    ("", None),
    ("abc", None),
    ("1 2", None),
    ("12MB", None),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_a_number_is_read_as_programs_print_it(text: str, number: float | None) -> None:
    read = parse_number(text)
    assert read == number
    assert number is None or type(read) is (int if float(number).is_integer() else float)


FINDS: list[tuple[str, str, list[tuple[str, Says, float]]]] = [
    ("step {steps}", "step 12", [("steps", TOTAL, 12)]),
    ("step {steps}", "  [x]  step\t 1,234, loss", [("steps", TOTAL, 1234)]),
    (
        "step {steps} loss {_} {samples__rate} samples/s",
        "step 7 loss 0.1 (best)  53.8k samples/s",
        [("steps", TOTAL, 7), ("samples", RATE, 53_800)],
    ),
    ("loss {loss__gauge} step {steps}", "loss nan step 5", [("steps", TOTAL, 5)]),
    ("done {queries__inc}", "done 3", [("queries", INC, 3)]),
    ("took {latency__s} s", "took 1.5 s", [("latency", TIMING, 1.5)]),
    ("took {latency__ms}ms", "took 12ms", [("latency", TIMING, 0.012)]),
    ("took {latency__us}us", "took 12us", [("latency", TIMING, 12e-6)]),
    ("({n}) [a.b]*", "(5) [a.b]*", [("n", TOTAL, 5)]),
    ("{n}/{_}", "3/10", [("n", TOTAL, 3)]),
    ("{my__name__inc}", "3", [("my__name", INC, 3)]),
    (r"step (?P<steps>\d+)", "step 12", [("steps", TOTAL, 12)]),
    (r"(?P<steps>\d+)|(?P<errors>x)", "12", [("steps", TOTAL, 12)]),
    (r"(?P<latency__ms>\S+) ms (?P<_>\w+)", "12.5 ms ok", [("latency", TIMING, 0.0125)]),
    (r"(?P<state>\w+)", "ready", []),
    (r"re:a{x}", "a{x}", [("lines", INC, 1)]),
    (r"answered \d{3}", "answered 200", [("lines", INC, 1)]),
    ("ready {_}", "ready  now", [("lines", INC, 1)]),
    ("re:tqdm", "import tqdm", [("lines", INC, 1)]),
]


@pytest.mark.parametrize(("pattern", "line", "finds"), FINDS)
def test_a_pattern_finds_this(pattern: str, line: str, finds: list[tuple[str, Says, float]]) -> None:
    match = compile_pattern(pattern).search(line)
    assert match is not None
    assert [tuple(finding[:3]) for finding in match.findings] == [
        (name, says, pytest.approx(value)) for name, says, value in finds
    ]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("step {steps}", "step by step"),
        ("step {steps}", "stepping 5"),
        ("step {steps}", "Step 5"),
        ("{t__s}s", "12.5ms"),
        (r"^step \d+$", "a step 5"),
        ("tqdm", "uses tqdm"),
    ],
)
def test_a_pattern_does_not_find_that(pattern: str, line: str) -> None:
    assert compile_pattern(pattern).search(line) is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "empty"),
        ("re:", "empty"),
        (r"(?P<steps>\d+", "at character 1"),
        ("[a-", "at character"),
        ("re:*", "at character 1"),
        (r"(?P<n>\d)(?P<n>\d)", "redefinition"),
        ("{n} of {n}", "twice"),
        ("took {latency__msec}", "did you mean latency__ms"),
        ("took {latency__hours}", "known are"),
        ("a" * 5 + "{n__zzz}", "__zzz"),
        ("x{99999999999999999999}", "cannot read the pattern"),
    ],
)
def test_a_malformed_pattern_gets_a_sentence_that_says_where(pattern: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compile_pattern(pattern)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_gets_a_sentence(text: str) -> None:
    try:
        pattern = compile_pattern(text)
    except ConfigError as refused:
        sentence = str(refused)
        assert sentence.startswith("cannot read")
        assert "\n" not in sentence
        return
    match = pattern.search("step 5, loss 0.1")
    found = set() if match is None else {finding.name for finding in match.findings}
    assert found <= {"lines", *(field.name for field in pattern.fields)}


@given(st.integers(0, 10**12), st.booleans())
def test_an_integer_comes_back_with_and_without_separators(number: int, separated: bool) -> None:
    match = compile_pattern("step {steps}").search(f"step {number:,}" if separated else f"step {number}")
    assert match is not None
    assert match.findings == (Finding("steps", TOTAL, number),)


@pytest.mark.parametrize(
    ("template", "line", "seconds"),
    [
        ("took {latency__s}", "took 510ms", 0.51),
        ("took {latency__s}", "took 510 ms, well", 0.51),
        ("took {latency__s}", "took 2", 2.0),
        ("took {latency__s}", "took 2s", 2.0),
        ("took {latency__s}.", "took 2.5 s.", 2.5),
        ("took {latency__s} {_}", "took 2 or so", 2.0),
        ("took {latency__ms}", "took 5us", 5e-6),
        ("took {latency__ms}", "took 1.5min", 90.0),
        ("took {latency__ms}ms", "took 5ms", 0.005),
        ("took {latency__ms} ms", "took 5 ms", 0.005),
        ("took {latency__ms}: {_}", "took 5: ok", 0.005),
        ("took {latency__s}", "took 1:23", None),
        ("took {latency__s}", "took 5x", None),
        ("took {latency__s}", "took 1,5", None),
        ("took {latency__s}", "took 1,500 s", 1500.0),
    ],
)
def test_a_time_is_read_in_the_unit_that_its_line_tells(
    template: str, line: str, seconds: float | None
) -> None:
    match = compile_pattern(template).search(line)
    assert (None if match is None else match.findings[0].value) == (
        None if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize("text", ["step {steps", "step {steps} of {_", "{loss: {loss__gauge,"])
def test_a_name_whose_bracket_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not closed"):
        compile_pattern(text)


def test_an_expressions_own_brackets_are_none_of_a_template() -> None:
    assert compile_pattern("{loss: {loss__gauge}}").search("{loss: 0.5}") is not None
    assert compile_pattern(r"re:a{b").search("a{b") is not None
    assert compile_pattern(r"\{\w+ done").search("{job done") is not None
    assert compile_pattern(r"\d{2,3} done").search("123 done") is not None
