"""A short training with Hugging Face's Trainer: python train_hf.py OUTDIR [--callback]

The last line that it prints says what the Trainer itself counted. Neither the data set nor the batches divide
evenly, so that the last step of an epoch is a smaller one.
"""

from __future__ import annotations

import json
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

SAMPLES, EPOCHS, TOKENS = 250, 3, 32


class Seen(TrainerCallback):
    """Counts what the model itself was given, on the way in."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.samples = 0
        model.register_forward_pre_hook(self._look, with_kwargs=True)

    def _look(
        self, module: torch.nn.Module, args: tuple[object, ...], kwargs: dict[str, torch.Tensor]
    ) -> None:
        if module.training:
            self.samples += len(kwargs["input_ids"])


def data() -> list[dict[str, torch.Tensor]]:
    rows = [torch.randint(0, 200, (TOKENS,)) for _ in range(SAMPLES)]
    return [{"input_ids": row, "labels": row, "attention_mask": torch.ones_like(row)} for row in rows]


def main() -> None:
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=32, vocab_size=200, n_positions=64))
    arguments = TrainingArguments(
        sys.argv[1],
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        num_train_epochs=EPOCHS,
        logging_steps=10,
        eval_strategy="epoch",
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        include_num_input_tokens_seen="all",
    )
    seen = Seen(model)
    callbacks: list[TrainerCallback] = [seen]
    if "--callback" in sys.argv:
        from perfwatch_callbacks import huggingface

        callbacks.append(huggingface())
    rows = data()
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:20], callbacks=callbacks)
    trainer.train()
    state = trainer.state
    told = {"steps": state.global_step, "samples": seen.samples, "tokens": state.num_input_tokens_seen}
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
