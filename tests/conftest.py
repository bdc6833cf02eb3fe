"""What all tests share: by lying here it puts this directory on the path, for `from fake_nvml import FakeNvml`."""
