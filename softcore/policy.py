"""What a trial does, as two frozen records: how labels are made, and how a model is trained on them."""

from dataclasses import dataclass

from softcore.labels.panels import Annotators


@dataclass(frozen=True, kw_only=True)
class LabelPolicy:
    """How people's answers become training targets; None where a field does not apply (`cells.py` decides).

    `annotators` is M an item or "all", `items` is N' or None for every annotated item, `rest` says what the other
    training items are: "hard" (their reference label) or "none" (not trained on).
    """

    variety: str
    aggregation: str | None = "separate"
    annotators: Annotators | None = "all"
    items: int | None = None
    rest: str = "hard"
    gamma: float | None = 0.1
    beta: float | None = 0.05


@dataclass(frozen=True, kw_only=True)
class TrainingPolicy:
    """How a model is trained: SGD with momentum 0.9, gradient norm clipped at 1.

    `schedule` is "one-cycle" (to `learning_rate` and back over all epochs, the momentum moving from 0.95 to 0.85 and
    back against it, as PyTorch's scheduler does by default) or "step" (divided by ten at 50/65 and 55/65 of the
    epochs). `image_size`: images are mean-pooled by the whole factor that keeps their shorter side at least this long;
    None keeps them as they are.
    """

    model: str = "cnn"
    epochs: int = 15
    batch: int = 64
    learning_rate: float = 0.1
    schedule: str = "one-cycle"
    weight_decay: float = 1e-4
    augmentation: str = "none"
    image_size: int | None = 32
