"""What a trial does, as two frozen records: how labels are made, and how a model is trained on them."""

from dataclasses import dataclass

Annotators = int | str  # a number of annotators an item, or "all"

# Each drops the rate tenfold at two shares of the epochs: chapter 3 of the thesis, then its chapters 4 and 5.
STEPS = {"step": (50 / 65, 55 / 65), "step-early": (1 / 2, 3 / 4)}
SCHEDULES = ("one-cycle", *STEPS)
EARLY_STOPPING = ("validation-loss",)


@dataclass(frozen=True, kw_only=True)
class LabelPolicy:
    """How people's answers become training targets; None where a field does not apply (`sweeps/spec/cells.py` decides).

    `annotators` is M an item or "all", `items` is N' or None for every annotated item, `rest` says what the other
    training items are: "hard" (their reference label), "none" (not trained on) or "simulated" (`labels/simulate.py`).
    `similarity` says where a semantic variety has the similarity of classes from. `hmix` adds mixed images to the
    training set and says what their targets are (`labels/mixed.py`); `hmix_images` which of them, `confidence_decay`
    smooths the targets by confidence.

    `hiring` ("breadth" or "depth") hires whole people instead of drawing some for each image, `hired_hours` until that
    much of their recorded time is spent (`labels/people.py`). `holdout` says what a seed keeps for the test: None, the
    data set's number of annotated images, or "batches", whole batches of people and images. `pages_on` asks the
    variety's question on a share of the items only, and `clicks` one click of so many people on all of them
    (`labels/questions.py`). `control` "matched-entropy" spoils the labels but for how unsure people were
    (`labels/controls.py`).
    """

    variety: str
    aggregation: str | None = "separate"
    annotators: Annotators | None = "all"
    items: int | None = None
    rest: str = "hard"
    gamma: float | None = 0.1
    beta: float | None = 0.05
    similarity: str | None = None
    hmix: str | None = None
    hmix_images: str | None = None
    confidence_decay: float | None = None
    hiring: str | None = None
    hired_hours: float | None = None
    holdout: str | None = None
    pages_on: str | None = None
    clicks: int | None = None
    control: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingPolicy:
    """How a model is trained: SGD with momentum 0.9, gradient norm clipped at 1.

    `schedule` is "one-cycle" (to `learning_rate` and back over all epochs, the momentum moving from 0.95 to 0.85 and
    back against it, as PyTorch's scheduler does by default), "step" (divided by ten at 50/65 and 55/65 of the epochs)
    or "step-early" (at 1/2 and 3/4). `image_size`: images are mean-pooled by the whole factor that keeps their shorter
    side at least this long; None keeps them as they are. `mixing` is "mixup" or "mix-maxent" with coefficients from
    Beta(`alpha`, `alpha`), None trains on the images as they are. `target_mixing` is "linear" or "logistic" under
    mixup, `loss` "entropy-weighted" (with `entropy_floor`) or None for cross-entropy (`training/mixing.py`).
    `early_stopping` "validation-loss" keeps the weights of the epoch whose cross-entropy with the validation images'
    labels is the least; None keeps the last epoch's.
    """

    model: str = "cnn"
    epochs: int = 15
    batch: int = 64
    learning_rate: float = 0.1
    schedule: str = "one-cycle"
    weight_decay: float = 1e-4
    augmentation: str = "none"
    image_size: int | None = 32
    mixing: str | None = None
    alpha: float | None = None
    target_mixing: str | None = None
    loss: str | None = None
    entropy_floor: float | None = None
    early_stopping: str | None = None
