"""The catalogue: well-known metrics with unit, kind and help, so that plugins share words.

docs/metrics.md prints this table; a test holds them together. `POWER` and `ENERGY` are what the energy
of a run is computed from; a device that tells them also declares a `scope`.
"""

from __future__ import annotations

from perfwatch.model import Kind, Metric, Unit

_W, _J, _S, _B, _BPS = Unit.WATT, Unit.JOULE, Unit.SECOND, Unit.BYTE, Unit.BYTE_PER_SECOND
_HZ, _C, _R, _N = Unit.HERTZ, Unit.CELSIUS, Unit.RATIO, Unit.COUNT
_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM

UNKNOWN_AGE_S = 60.0
"""A page or a management controller that does not say for how long repeats a reading no longer than this."""

# Energy and power
POWER = Metric("power_watts", _W, _GAUGE, "Power drawn; the reading that energy is integrated from.")
POWER_INSTANT = Metric("power_instant_watts", _W, _GAUGE, "Power of the instant, as the source calls it.")
POWER_AVERAGE = Metric("power_average_watts", _W, _GAUGE, "Power averaged by the source.")
ENERGY = Metric("energy_joules_total", _J, _COUNTER, "Energy since the source's counter last restarted.")
POWER_LIMIT = Metric("power_limit_watts", _W, _GAUGE, "Power limit in force.")

# Accelerators
UTILIZATION = Metric("utilization_ratio", _R, _GAUGE, "Share of time in which the device was busy.")
MEMORY_UTILIZATION = Metric(
    "memory_utilization_ratio", _R, _GAUGE, "Share of time in which memory was accessed."
)
MEMORY_USED = Metric("memory_used_bytes", _B, _GAUGE, "Memory in use.")
MEMORY_TOTAL = Metric("memory_total_bytes", _B, _GAUGE, "Memory there is.")
TEMPERATURE = Metric("temperature_celsius", _C, _GAUGE, "Temperature of the device.")
MEMORY_TEMPERATURE = Metric("memory_temperature_celsius", _C, _GAUGE, "Temperature of the device's memory.")
SM_CLOCK = Metric("sm_clock_hertz", _HZ, _GAUGE, "Clock of the compute units.")
MEMORY_CLOCK = Metric("memory_clock_hertz", _HZ, _GAUGE, "Clock of the memory.")
PERFORMANCE_STATE = Metric("performance_state", _N, _GAUGE, "Performance state; 0 is the fastest.")
FAN = Metric("fan_ratio", _R, _GAUGE, "Intended fan speed as a share of its maximum; may exceed 1.")
THROTTLE_REASONS = Metric(
    "throttle_reasons", _N, _GAUGE, "Bit mask of the reasons why clocks are reduced (NVML's bits)."
)
PCIE_GENERATION = Metric("pcie_generation", _N, _GAUGE, "PCI Express generation of the link now.")
PCIE_WIDTH = Metric("pcie_width", _N, _GAUGE, "PCI Express lanes of the link now.")
ECC_CORRECTED = Metric(
    "ecc_corrected_errors_total", _N, _COUNTER, "Memory errors corrected since the driver started."
)
ECC_UNCORRECTED = Metric(
    "ecc_uncorrected_errors_total", _N, _COUNTER, "Memory errors not corrected since the driver started."
)
ENCODER = Metric(
    "encoder_utilization_ratio", _R, _GAUGE, "Share of time in which the video encoder was busy."
)
DECODER = Metric(
    "decoder_utilization_ratio", _R, _GAUGE, "Share of time in which the video decoder was busy."
)

# Host
CPU_UTILIZATION = Metric(
    "cpu_utilization_ratio", _R, _GAUGE, "Share of all CPU time in use, 1 is every core busy."
)
LOAD_1M = Metric("load_1m", _N, _GAUGE, "Processes running or waiting, averaged over a minute.")
CPU_FREQUENCY = Metric("cpu_frequency_hertz", _HZ, _GAUGE, "Mean clock of the cores.")
SWAP_USED = Metric("swap_used_bytes", _B, _GAUGE, "Swap in use.")
SWAP_TOTAL = Metric("swap_total_bytes", _B, _GAUGE, "Swap there is.")
DISK_READ = Metric("disk_read_bytes_total", _B, _COUNTER, "Bytes read from disks.")
DISK_WRITTEN = Metric("disk_written_bytes_total", _B, _COUNTER, "Bytes written to disks.")
NETWORK_RECEIVED = Metric("network_received_bytes_total", _B, _COUNTER, "Bytes received, loopback left out.")
NETWORK_SENT = Metric("network_sent_bytes_total", _B, _COUNTER, "Bytes sent, loopback left out.")
BATTERY_CHARGE = Metric("battery_charge_ratio", _R, _GAUGE, "Charge of the battery.")

# Work (design: people say the bare name)
QUERIES = Metric("queries_total", _N, _COUNTER, "Queries answered successfully.")
ERRORS = Metric("errors_total", _N, _COUNTER, "Queries that failed.")
SAMPLES = Metric("samples_total", _N, _COUNTER, "Samples processed.")
PROMPT_TOKENS = Metric("prompt_tokens_total", _N, _COUNTER, "Tokens read.")
GENERATED_TOKENS = Metric("generated_tokens_total", _N, _COUNTER, "Tokens generated.")
STEPS = Metric("steps_total", _N, _COUNTER, "Training steps done.")
RUNNING = Metric("running", _N, _GAUGE, "Queries in work.")
WAITING = Metric("waiting", _N, _GAUGE, "Queries waiting.")
KV_CACHE_USAGE = Metric(
    "kv_cache_usage_ratio", _R, _GAUGE, "Share of a language model's cache of keys and values that is used."
)
LATENCY = Metric("latency_seconds", _S, _HISTOGRAM, "Time of a query from end to end.")
TIME_TO_FIRST_TOKEN = Metric("time_to_first_token_seconds", _S, _HISTOGRAM, "Time until the first token.")
QUEUE_TIME = Metric("queue_time_seconds", _S, _HISTOGRAM, "Time that a query waits until it is begun.")
INTER_TOKEN_LATENCY = Metric("inter_token_latency_seconds", _S, _HISTOGRAM, "Time between tokens.")

CATALOGUE: dict[str, Metric] = {
    value.name: value for value in list(globals().values()) if isinstance(value, Metric)
}

WORK_UNITS = ("generated_tokens", "samples", "queries", "steps")
"""The order in which `--unit` picks its default: the first of these that moves."""


TELL_ENERGY = (POWER.name, ENERGY.name)
"""What a device tells of what it uses."""
DOUBTED = "_doubted"
"""How the bare name of a counter ends that says of how much of a unit it is not known whether it was done."""


def work_counter(name: str) -> Metric:
    """The counter of a unit of work by its bare name: the catalogue's, else the user's own."""
    full = f"{name}_total"
    if name.endswith(DOUBTED):
        of = name.removesuffix(DOUBTED)
        return Metric(full, _N, _COUNTER, f"Of {of}: so many may not have been done, or so many more may.")
    return CATALOGUE.get(full) or Metric(full, _N, _COUNTER, f"{name}, as the job counts them.")


def work_timing(name: str) -> Metric:
    """The histogram of a timing by its bare name, in seconds."""
    full = f"{name}_seconds"
    return CATALOGUE.get(full) or Metric(full, _S, _HISTOGRAM, f"{name}, as the job times it.")


def work_gauge(name: str) -> Metric:
    """A gauge by its bare name, as it is."""
    return CATALOGUE.get(name) or Metric(name, _N, _GAUGE, f"{name}, as the job tells it.")
