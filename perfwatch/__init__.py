"""perfwatch measures runs: work, energy, efficiency and cost of a job on any accelerator."""

__version__ = "0.1.0"
