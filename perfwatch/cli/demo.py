"""`perfwatch demo`: a story of a minute on simulated devices, ended by the real summary of it."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

from perfwatch.cli import around, asking, results, standard, watching
from perfwatch.cli.feeds import JobFeed
from perfwatch.errors import ConfigError
from perfwatch.model import Device, DeviceKind

if TYPE_CHECKING:
    from perfwatch.cli.demo_job import Performance, Say
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings
    from perfwatch.job.pane import Pane
    from perfwatch.job.signals import SignalQueue
    from perfwatch.scene import Scene
    from perfwatch.sources.live import LiveSource
    from perfwatch.sources.recording import Recording

HELP = """Simulated accelerators and a simulated benchmark: a story of one minute that ends with its summary.
Nothing of this machine is measured, and nothing is recorded unless -o names a file. On a terminal the
dashboard; its key q ends the story early."""

SHORTEST_S, LONGEST_S = 2.0, 86_400.0
MOST_DEVICES = 64
SAMPLES = 120
"""Unless a period is asked for, a story has so many samples, and two a second where it is longer."""
LEAST_INTERVAL_S, INTERVAL_S = 0.05, 0.5
NAME = "SIMULATED"
"""Stands in the recording, so that nobody takes a summary of it for a measurement."""

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the story")
    group.add_argument("--duration", metavar="TIME", default="60s", help="tell it in so long")
    group.add_argument("--devices", metavar="N", type=int, default=8, help="so many accelerators, 1 to 64")
    group.add_argument("--hosts", metavar="N", type=int, default=1, help="on so many machines")
    group.add_argument("--seed", metavar="N", type=int, default=1, help="another one gives other curves")
    group.add_argument("-i", "--interval", metavar="TIME", help="sampling period (default: 0.5 s)")
    group.add_argument("-o", "--output", metavar="FILE", help="session log, .jsonl or .jsonl.zst")
    group.add_argument("--force", action="store_true", help="overwrite files that exist")
    group.add_argument("--headless", action="store_true", help="no dashboard")
    group.add_argument("--stay", action="store_true", help="keep the dashboard open when the story is over")
    group.add_argument("--plain", action="store_true", help="one line a period on standard error")
    group.add_argument("--now", metavar="TIME", default="30s", help="span of the live figures")
    group.add_argument("--config", metavar="FILE", help="configuration file")
    _add_figures(parser)
    asking.add_output_arguments(parser)
    watching.add_arguments(parser)


def _add_figures(parser: argparse.ArgumentParser) -> None:
    """Those options of `run` that make sense here; the devices are all the devices there are."""
    group = parser.add_argument_group("the figures (no price is built in)")
    group.add_argument("--unit", metavar="NAME", help="the unit of work that ratios are shown in")
    group.add_argument("--price", metavar="0.12/kWh", help="electricity, of a kWh")
    group.add_argument("--rent", metavar="2.5/h/device", help="rent of each device, or 20/h/node")
    group.add_argument("--pue", metavar="1.2", help="facility energy over device energy (default: 1)")
    group.add_argument("--carbon", metavar="430", help="grams of CO2 equivalent per kWh")
    group.add_argument("--currency", metavar="USD", help="currency of the amounts (default: none is named)")
    parser.set_defaults(slo=None, scope=None, meter=None, window=None, warmup=None, cost_scope=None)


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config

    config = load_config(args.config)
    wanted = _Wanted(args, config)
    screen = _Screen(args, config) if watching.wants_screen(args) else None
    show = _Show.begin(args, wanted, screen)
    try:
        return show.give(args, config, screen)
    finally:
        show.close()


class _Wanted:
    """The command line, understood and checked before anything is started.

    Raises:
        ConfigError: something in it makes no sense.
    """

    def __init__(self, args: argparse.Namespace, config: Config) -> None:
        from perfwatch.config import parse_interval

        if args.json and args.output == "-":
            raise ConfigError("--json and -o - both write to standard output; name a file for one of them")
        self.duration_s = asking.duration(args.duration, "--duration") or 0.0
        if not SHORTEST_S <= self.duration_s <= LONGEST_S:
            raise ConfigError(
                f"--duration {args.duration}: the story takes from 2 s to 24 h, as in --duration 60s"
            )
        if not 1 <= args.devices <= MOST_DEVICES:
            raise ConfigError(f"--devices {args.devices}: type a number from 1 to {MOST_DEVICES}")
        if not 1 <= args.hosts <= args.devices:
            raise ConfigError(f"--hosts {args.hosts}: type a number from 1 to that of the devices")
        self.hosts = args.hosts
        self.devices = args.devices
        self.interval_s = (
            min(INTERVAL_S, max(LEAST_INTERVAL_S, self.duration_s / SAMPLES))
            if args.interval is None
            else parse_interval(args.interval)
        )
        self.now_s = asking.now_s(args)
        of_all_devices = argparse.Namespace(**{**vars(args), "devices": None})
        self.settings: Settings = asking.settings(of_all_devices, config.settings())
        self.gates = results.Gates.parse(args)
        results.check_summary_file(args)
        self.collector = _collector(args.devices, args.seed, self.duration_s)


def _collector(devices: int, seed: int, story_s: float) -> Any:
    """The simulated collector with its story."""
    from perfwatch import plugins

    simulated: Any = plugins.load(plugins.find("simulated"))
    return simulated(simulated.Options(devices=devices, seed=seed, story_s=story_s))


class _Show:
    """The moving parts of one demo, wired together."""

    def __init__(
        self, live: LiveSource, performance: Performance, recording: Recording, wanted: _Wanted
    ) -> None:
        self._live = live
        self._performance = performance
        self._recording = recording
        self._wanted = wanted

    @classmethod
    def begin(cls, args: argparse.Namespace, wanted: _Wanted, screen: _Screen | None) -> _Show:
        """Take the signals over, then open files; nothing runs yet."""
        return around.with_signals(lambda signals: cls._wired(args, wanted, screen, signals))

    @classmethod
    def _wired(
        cls, args: argparse.Namespace, wanted: _Wanted, screen: _Screen | None, signals: SignalQueue
    ) -> _Show:
        from perfwatch.cli.demo_job import Performance
        from perfwatch.job.evidence import Evidence
        from perfwatch.sources.live import Chosen, LiveSource, new_session_id
        from perfwatch.sources.recording import Recording

        session_id = new_session_id()
        recording = Recording(session_id, output=args.output, keep=args.output is not None, force=args.force)
        evidence = Evidence({})
        faces = (
            around.talking_sinks(args, wanted.interval_s, wanted.now_s, say=_say_simulated, notes=False)
            if screen is None
            else [screen.scene]
        )
        live = LiveSource(
            [Chosen(wanted.collector, wanted.interval_s)],
            [recording, evidence, *faces],
            interval_s=wanted.interval_s,
            session_id=session_id,
            header=_header(wanted),
        )
        evidence.neighbour = live.tell_neighbour
        evidence.concluded = live.tell_devices
        if wanted.hosts > 1:
            live.hub.host_of = lambda device: _host_of(device, wanted)
        say: Say = _printed(to_stderr=args.json) if screen is None else screen.pane.feed
        return cls(live, Performance(wanted.collector, live, evidence, signals, say), recording, wanted)

    def give(self, args: argparse.Namespace, config: Config, screen: _Screen | None) -> int:
        """Play the story, with or without a dashboard, and summarise what was played. Returns the status."""
        play = self._performance.play
        status = play() if screen is None else screen.show(self._live, self._performance)
        self._recording.close()
        summary = results.summarise(
            self._recording.tape(), self._wanted.settings, scatter=bool(args.summary_json)
        )
        results.show(args, config, summary, log_path=self._recording.path)
        return self._wanted.gates.judge(summary, otherwise=status)

    def close(self) -> None:
        """Give the signals back and remove what is not kept."""
        self._performance.close()
        self._recording.discard()


def _header(wanted: _Wanted) -> dict[str, Any]:
    from perfwatch.sources.conditions import conditions

    story = wanted.collector.story
    return {
        "name": f"{NAME} demo",
        "tags": {"data": NAME},
        "command": ["simulated-benchmark", "--queries", str(story.server.expected)],
        "settings": wanted.settings.to_json(),
        "conditions": {**conditions(), "git_commit": None},
    }


def _host_of(device: Device, wanted: _Wanted) -> str | None:
    """The machine that a chip stands in, `node-1` to `node-N`; the benchmark runs on this one."""
    if device.kind is not DeviceKind.ACCELERATOR:
        return None
    return f"node-{int(device.index) * wanted.hosts // wanted.devices + 1}"


def _say_simulated(text: str) -> None:
    results.say(f"{NAME}  {text}")


def _printed(*, to_stderr: bool) -> Say:
    """Prints what the simulated job prints, as `run` lets a job print; colours only on a terminal."""

    def say(_stream: str, data: bytes, _at_ns: int) -> None:
        stream = sys.stderr if to_stderr else standard.out()
        text = data.decode()
        stream.write(text if stream.isatty() else _COLORS.sub("", text))
        stream.flush()

    return say


class _Screen(watching.Screen):
    """The dashboard of the story."""

    def show(self, live: LiveSource, performance: Performance) -> int:
        """Show the story until it is over or the screen is closed; then it ends. Returns the status."""
        performance.start()
        try:
            self.open(_DemoFeed(live, self.scene, self.pane, performance, stays=self._args.stay))
        finally:
            status = performance.end()
        return status


class _DemoFeed(JobFeed):
    """The story as the dashboard sees it."""

    def __init__(
        self, live: LiveSource, scene: Scene, pane: Pane, performance: Performance, *, stays: bool
    ) -> None:
        super().__init__(live, scene, pane, performance.done, stays=stays)
        self._performance = performance

    @property
    def over(self) -> bool:  # type: ignore[override]
        """The dashboard closes with the story, unless it was told to stay."""
        return self._performance.told_to_end or super().over
