"""The job under `perfwatch run`: its process, its streams, its signals, the devices that it uses."""
