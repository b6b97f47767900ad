"""Where a model runs: whether it fits a kind of machine, and how fast it can write there at best.

To write a token, every weight and all that is remembered of the text before are read once, so writing is bound by the
memory's speed; reading a record is bound by arithmetic (the roofline of Williams et al. 2009). These are limits: an engine
stays below them, with a small model by half or more. (Its kernels for quantized weights reckon with small integers, so that
reading may come close, or a little above, where the processor is good at these.) Knows nothing of how a machine is measured: see ``jobs.machine``.
"""

from dataclasses import dataclass

from jobs.gguf_header import Header

HALF, FLOAT = 2, 4
READ_AT_ONCE_TOKENS = 512
"""llama.cpp reads a prompt in blocks of so many; its working memory is that of one."""
PROCESS_BYTES = 130_000_000
"""Python and the engine's library, as measured with ``jobs.bundle_runner``."""
CORE_BYTES_PER_S = 12.5e9
"""What one core of a server takes of quantized weights with the engine's kernels, as measured (12.2 with smollm2-135m, 9.7
with gemma3-270m, the memory giving 37): faster memory does not help it.
"""
RECORD_TOKENS, SUMMARY_TOKENS = 1000, 150
"""Of a usual record and its summary."""


@dataclass(frozen=True)
class Device:
    """A kind of machine, without a graphics card."""

    name: str
    free_bytes: float
    """Of its memory, what the system and what else runs leave to a model."""
    bytes_per_s: float
    """Read from memory, sustained, by all cores together."""
    operations_per_s: float
    """Multiplications and additions in products of matrices, sustained."""


def measured(
    name: str, *, free_bytes: float, bytes_per_s: float, cores: int, operations_per_s: float
) -> Device:
    """A machine whose memory was read by programs that do nothing else."""
    return Device(name, free_bytes, min(bytes_per_s, cores * CORE_BYTES_PER_S), operations_per_s)


DEVICES = (
    # DDR4-3200 on two channels has a peak of 51 GB/s, of which programs see some 30 (STREAM). Four cores with AVX2 at 3 GHz
    # have a peak of 384 billion operations; half of that lasts. A system with a browser holds 3 GB.
    Device("Laptop, 8 GB", 5e9, 30e9, 190e9),
    # LPDDR4X-4267 on 32 bits: a peak of 17 GB/s; 11.4 were reported under sustained inference, as were 10 to 12 by others.
    # Four Cortex-A76 at 2.4 GHz, each with two units of four floats: a peak of 154 billion; half of that lasts.
    Device("Raspberry Pi 5, 4 GB", 3.2e9, 11e9, 75e9),
    # LPDDR5X-8533 on 64 bits: a peak of 68 GB/s; after some minutes heat leaves some 40. Five large cores at 2.8 GHz have a
    # peak of 224 billion, and half when warm. One app gets half of the memory.
    Device("Phone, 8 GB", 4e9, 40e9, 110e9),
)


@dataclass(frozen=True)
class Model:
    """What a model's file tells of its hunger."""

    file_bytes: int
    read_bytes: int
    """Weights that each token reads."""
    read_weights: int
    """As many are multiplied and added for each token that is written."""
    layer_weights: int
    """And for each token that is read: only behind the last one the next is chosen."""
    remembered_bytes: int
    """Of each token of the text, keys and values in 16 bits. Where layers look back a short way only, this is too much."""
    block_bytes: int
    """What the reading of a block of text holds on the way."""
    context_tokens: int
    """The most it can read."""


def model_of(header: Header) -> Model:
    """Raises KeyError for a file that does not describe a model that writes."""
    whole = sum(tensor.bytes for tensor in header.tensors.values())
    weights = sum(tensor.weights for tensor in header.tensors.values())
    # Of a table of embeddings one row is read, unless it is also the matrix that the next token is chosen by.
    table = header.tensors["token_embd.weight"]
    choosing = header.tensors.get("output.weight")
    unread = (table.bytes, table.weights) if choosing else (0, 0)
    width, heads = _needed(header, "embedding_length"), _needed(header, "attention.head_count")
    head = header.of_model("attention.key_length", width // heads)
    kept = head + header.of_model("attention.value_length", head)
    return Model(
        file_bytes=whole,
        read_bytes=whole - unread[0],
        read_weights=weights - unread[1],
        layer_weights=weights - table.weights - (choosing.weights if choosing else 0),
        remembered_bytes=HALF
        * kept
        * _needed(header, "block_count")
        * header.of_model("attention.head_count_kv", heads),
        block_bytes=FLOAT * READ_AT_ONCE_TOKENS * (4 * width + 2 * _needed(header, "feed_forward_length")),
        context_tokens=_needed(header, "context_length"),
    )


def _needed(header: Header, name: str) -> int:
    found = header.of_model(name)
    if not isinstance(found, int):
        raise KeyError(name)
    return found


def needed_bytes(model: Model, context_tokens: int, requests: int = 1) -> int:
    """Memory for as many requests at once, each as long as the context."""
    remembered = requests * context_tokens * model.remembered_bytes
    return model.file_bytes + remembered + model.block_bytes + PROCESS_BYTES


def tokens_per_s(model: Model, device: Device, text_tokens: int, requests: int = 1) -> float:
    """Written at most, over all requests, behind a text of so many tokens each. The weights are read for all at once."""
    read = (model.read_bytes + requests * text_tokens * model.remembered_bytes) / device.bytes_per_s
    reckoned = requests * 2 * model.read_weights / device.operations_per_s
    return requests / max(read, reckoned)


def seconds(model: Model, device: Device) -> float:
    """For a usual record and its summary, at least."""
    reading = RECORD_TOKENS * 2 * model.layer_weights / device.operations_per_s
    return reading + SUMMARY_TOKENS / tokens_per_s(model, device, RECORD_TOKENS)


@dataclass(frozen=True)
class Budget:
    """A model on a kind of machine."""

    device: Device
    needed_bytes: int
    tokens_per_s: float
    seconds: float

    @property
    def needed_gigabytes(self) -> float:
        return self.needed_bytes / 1e9

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.device.free_bytes


def budget(model: Model, device: Device, context_tokens: int) -> Budget:
    return Budget(
        device,
        needed_bytes(model, context_tokens),
        tokens_per_s(model, device, RECORD_TOKENS),
        seconds(model, device),
    )
