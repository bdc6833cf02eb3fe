"""A short training with Lightning: python train_lightning.py [--callback]

The last line that it prints says what Lightning and the model themselves counted. The last batch of an epoch
is a smaller one, and two batches make a step.
"""

from __future__ import annotations

import json
import sys

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

SAMPLES, EPOCHS, BATCH = 510, 3, 16


class Line(pl.LightningModule):
    """A straight line through eight dimensions, which counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)
        self.samples = self.batches = 0

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        self.samples += len(batch[0])
        self.batches += 1
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        self.log("off", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def main() -> None:
    rows = DataLoader(TensorDataset(torch.randn(SAMPLES, 8), torch.randn(SAMPLES, 1)), batch_size=BATCH)
    callbacks: list[pl.Callback] = [pl.callbacks.TQDMProgressBar()]
    if "--callback" in sys.argv:
        from perfwatch_callbacks import lightning

        callbacks.append(lightning())
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        accumulate_grad_batches=2,
        logger=False,
        enable_checkpointing=False,
        callbacks=callbacks,
    )
    model = Line()
    trainer.fit(model, rows, rows)
    told = {"steps": trainer.global_step, "samples": model.samples, "batches": model.batches}
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
