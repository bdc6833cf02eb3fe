"""A loop in PyTorch alone: python train_torch.py

The last line that it prints says how many steps it took.
"""

from __future__ import annotations

import json

import torch
from perfwatch_callbacks import count_steps

STEPS = 1000


def main() -> None:
    layer = torch.nn.Linear(8, 1)
    optimizer = count_steps(torch.optim.AdamW(layer.parameters(), lr=0.01))
    for _ in range(STEPS):
        optimizer.zero_grad()
        layer(torch.randn(4, 8)).sum().backward()
        optimizer.step()
    print(json.dumps({"steps": STEPS}), flush=True)


if __name__ == "__main__":
    main()
