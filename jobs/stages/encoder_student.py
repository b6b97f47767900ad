"""A smaller encoder begun from its teacher, as DistilBERT was (Sanh et al. 2019, arXiv:1910.01108)."""

from typing import TypeVar

from transformers import BertPreTrainedModel

Encoder = TypeVar("Encoder", bound=BertPreTrainedModel)


def student_of(teacher: Encoder) -> Encoder:
    """Half the layers, every other one of the teacher's from the second on; all else as it is."""
    told = teacher.config.to_dict()
    half = told["num_hidden_layers"] // 2
    student = type(teacher)(type(teacher.config).from_dict({**told, "num_hidden_layers": half}))
    besides = {k: v for k, v in teacher.state_dict().items() if not k.startswith("bert.encoder.layer.")}
    student.load_state_dict(besides, strict=False)
    for layer, source in zip(student.bert.encoder.layer, teacher.bert.encoder.layer[1::2], strict=True):
        layer.load_state_dict(source.state_dict())
    return student
