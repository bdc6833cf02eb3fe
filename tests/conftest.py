"""What all tests share. Lying here it puts this directory on the path: `from fake_nvml import FakeNvml`."""
