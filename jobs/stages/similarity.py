"""How close two texts are in meaning: cosines of all-MiniLM-L6-v2's embeddings, for the evaluate stage.

Source: Reimers and Gurevych 2019, Sentence-BERT; mean-pooled and normalized as the model's card says. It tells
topics apart, not truth: "no chest pain" is about .9 to "chest pain".
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel
from transformers.utils import logging

WINDOW_TOKENS = 256
"""What the model was trained on; a longer text is read in windows and pooled over all of them, never cut."""
WINDOWS_PER_BATCH = 32


class Embedder:
    """Reads the folder with the model's safetensors and tokenizer."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        logging.disable_progress_bar()
        self._model = BertModel.from_pretrained(folder, dtype=torch.float32).eval()

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> list[float]:
        """The cosine of each pair, x 100; 0 where a text is empty."""
        vectors = self.embed([*first, *second])
        return [float(value) for value in 100 * (vectors[: len(first)] * vectors[len(first) :]).sum(axis=1)]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """[texts, width] of length 1; zeros for an empty text."""
        windows = [(at, ids) for at, text in enumerate(texts) for ids in self._windows(text)]
        # Of like length together, so that little is padded.
        windows.sort(key=lambda window: len(window[1]))
        width = self._model.config.hidden_size
        sums, counts = torch.zeros(len(texts), width), torch.zeros(len(texts), 1)
        for start in range(0, len(windows), WINDOWS_PER_BATCH):
            batch = windows[start : start + WINDOWS_PER_BATCH]
            places = torch.tensor([at for at, _ in batch])
            totals, lengths = self._pool([ids for _, ids in batch])
            sums.index_add_(0, places, totals)
            counts.index_add_(0, places, lengths)
        return torch.nn.functional.normalize(sums / counts.clamp(min=1), dim=1).numpy()

    def _windows(self, text: str) -> list[list[int]]:
        if not text.strip():
            return []
        first, *words, last = self._tokenizer.encode(text).ids
        step = WINDOW_TOKENS - 2
        return [[first, *words[at : at + step], last] for at in range(0, max(len(words), 1), step)]

    @torch.inference_mode()
    def _pool(self, windows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of each window's token vectors [windows, width], and its tokens [windows, 1]."""
        longest = max(map(len, windows))
        ids = torch.tensor([window + [0] * (longest - len(window)) for window in windows])
        mask = torch.tensor([[1] * len(window) + [0] * (longest - len(window)) for window in windows])
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        return (hidden * mask.unsqueeze(-1)).sum(dim=1), mask.sum(dim=1, keepdim=True).float()
