"""Writes a tiny random model for llama.cpp, so that no weights are fetched: python tiny_gguf.py FILE"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import gguf
import numpy as np

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 128, 352, 2, 4, 2, 2048
TOKENS = ["<s>", "</s>"]
CONTROL, NORMAL = 3, 1
"""Types of tokens (gguf.TokenType)."""


def byte_tokens() -> list[str]:
    """The 256 bytes as a byte-level tokenizer writes them: those that print stand for themselves."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def tensors(words: int) -> Iterator[tuple[str, np.ndarray]]:
    """Random weights, the same in every run, under the names of a Llama."""
    dice = np.random.default_rng(0)
    keys = KV_HEADS * WIDTH // HEADS

    def random(*shape: int) -> np.ndarray:
        return (dice.standard_normal(shape) * 0.02).astype(np.float32)

    ones = np.ones(WIDTH, np.float32)
    yield "token_embd.weight", random(words, WIDTH)
    yield "output_norm.weight", ones
    yield "output.weight", random(words, WIDTH)
    for layer in range(LAYERS):
        shapes = {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (keys, WIDTH),
            "attn_v": (keys, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (INNER, WIDTH),
            "ffn_up": (INNER, WIDTH),
            "ffn_down": (WIDTH, INNER),
        }
        yield f"blk.{layer}.attn_norm.weight", ones
        yield f"blk.{layer}.ffn_norm.weight", ones
        for name, shape in shapes.items():
            yield f"blk.{layer}.{name}.weight", random(*shape)


def describe(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    """Its shape and its tokenizer."""
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL] * len(TOKENS) + [NORMAL] * (len(tokens) - len(TOKENS)))
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def main() -> None:
    tokens = TOKENS + byte_tokens()
    writer = gguf.GGUFWriter(sys.argv[1], "llama")
    describe(writer, tokens)
    for name, values in tensors(len(tokens)):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
