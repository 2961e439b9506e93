"""The embedded data set: scikit-learn's 8x8 digits with simulated annotators. No file, no network.

The images are real handwriting; the people are simulated. What they believe follows the images: an image resembles a
class by its distance to the nearest images of that class. People differ in how sharply and how noisily they see this,
in how they round, in what they rule out and in how long they take. Every result on it is marked simulated.
"""

import numpy as np

from softcore.data.dataset import Dataset, TestSet, fingerprint
from softcore.data.records import Answer, records_table
from softcore.seeding import generator

TITLE = "scikit-learn's 8x8 handwritten digits with simulated annotators"
N_CLASSES = 10
TEST_ITEMS, VALIDATION_ITEMS, ANNOTATED_ITEMS = 500, 250, 250
BATCH = 25  # items a person answers
PEOPLE_A_BATCH = 6  # and one more in every fifth batch, as two hundred images of CIFAR-10S have
CLICKS = (48, 55)  # clicks an item: at least, below
FOLDS = 5
NOISE = 70  # grey levels of 255: standard deviation of the noise in each pixel
NEAREST = 3  # images that say how near a class is
SHARPNESS = 1.7  # people state probabilities sharper than the bare resemblance
SCALE = 200.0  # squared distance (pixels in 0..16) that makes a class e times less alike
FLAT = 0.15  # share of clear images among the annotated ones: CIFAR-10S has 114 of 1,000


def load_digits() -> Dataset:
    """1,797 digits as uint8 [n, 8, 8, 1] in 0..255; 250 of the training items answered by 6 or 7 simulated people.

    `counts` has about 50 simulated clicks for every item; test set `crowd` (500 items) is their frequencies. The same
    to the byte on every call.
    """
    pixels, labels = _digits()
    n = len(labels)
    order = generator("simulation", 0).permutation(n)
    test = np.sort(order[:TEST_ITEMS])
    validation = np.sort(order[TEST_ITEMS : TEST_ITEMS + VALIDATION_ITEMS])
    train = np.sort(order[TEST_ITEMS + VALIDATION_ITEMS :])
    resemblance = look_alikes(pixels, labels, np.concatenate([train, validation]))
    annotated = _most_ambiguous(resemblance, train)
    records, odd_rows = records_table(_answers(resemblance, annotated))
    counts = _clicks(resemblance)
    images = _with_pixel_noise(pixels)
    return Dataset(
        name="digits",
        title=TITLE,
        images=images,
        labels=labels,
        classes=tuple(str(digit) for digit in range(N_CLASSES)),
        train_items=train,
        validation_items=validation,
        records=records,
        counts=counts,
        fixed_tests={"crowd": TestSet(items=test, targets=counts[test] / counts[test].sum(axis=1, keepdims=True))},
        held_out=50,
        held_out_test="pages",
        default_metric="ce/crowd",
        simulated=True,
        odd_rows=odd_rows,
        fingerprints={
            "digits/images": fingerprint(images, labels),
            "digits/answers": fingerprint(records.to_csv(index=False)),
            "digits/clicks": fingerprint(counts),
            "digits/split": fingerprint(train, validation, test),
        },
        notes=("the answers and clicks are simulated: what is seen here says nothing about people",),
    )


def _with_pixel_noise(pixels: np.ndarray) -> np.ndarray:
    """The digits as uint8 [n, 8, 8, 1] with Gaussian pixel noise.

    Models tell clean digits apart so well that nothing about uncertainty could be learned from them. The simulated
    people saw the clean ones.
    """
    noise = generator("simulation", 6).normal(0, NOISE, pixels.shape)
    return np.clip(np.round(pixels * (255 / 16) + noise), 0, 255).astype(np.uint8).reshape(len(pixels), 8, 8, 1)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits as bundled

    pixels, labels = bundled(return_X_y=True)
    return pixels, labels.astype(np.int64)


def look_alikes(pixels: np.ndarray, labels: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """How much each image looks like each class: log-resemblance [n, K], whose exponentials sum to 1 a row.

    Read off the 3 nearest images of each class among the items `fitted`. An item of `fitted` is compared with the other
    folds only, never with itself; items outside (the test set) are never compared with.
    """
    squares = (pixels**2).sum(axis=1)
    distance = squares[:, None] + squares[fitted] - 2 * pixels @ pixels[fitted].T
    fold = np.full(len(labels), -1)
    fold[fitted] = generator("simulation", 1).permutation(len(fitted)) % FOLDS
    distance[fold[:, None] == fold[fitted]] = np.inf
    score = np.empty((len(labels), N_CLASSES))
    for digit in range(N_CLASSES):
        nearest = np.partition(distance[:, labels[fitted] == digit], NEAREST - 1, axis=1)[:, :NEAREST]
        score[:, digit] = -nearest.mean(axis=1) / SCALE
    score -= score.max(axis=1, keepdims=True)
    return score - np.log(np.exp(score).sum(axis=1, keepdims=True))


def _most_ambiguous(resemblance: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The training items that get answers: mostly those most alike to several classes, some taken at random."""
    entropy = -(np.exp(resemblance) * resemblance).sum(axis=1)[train]
    clear = round(FLAT * ANNOTATED_ITEMS)
    by_entropy = train[np.argsort(-entropy, kind="stable")]
    hard, rest = by_entropy[: ANNOTATED_ITEMS - clear], by_entropy[ANNOTATED_ITEMS - clear :]
    return np.concatenate([hard, generator("simulation", 2).choice(rest, clear, replace=False)])


def _answers(resemblance: np.ndarray, annotated: np.ndarray) -> list[Answer]:
    """The pages of all people: each batch of 25 items goes to 6 or 7, who answer one or two of its items again."""
    shuffled = generator("simulation", 3).permutation(annotated)
    answers = []
    person = 0
    for batch, start in enumerate(range(0, len(shuffled), BATCH)):
        for _ in range(PEOPLE_A_BATCH + (batch % 5 == 0)):
            answers += _session(person, shuffled[start : start + BATCH], resemblance)
            person += 1
    return answers


def _session(person: int, items: np.ndarray, resemblance: np.ndarray) -> list[Answer]:
    """All pages of one person, in the order they were shown."""
    rng = generator("simulation", 4, person)
    sharpness = SHARPNESS * np.exp(rng.normal(0.0, 0.35))
    step = rng.choice([0.05, 0.05, 0.10])  # rounds probabilities to this
    names_second_above = rng.uniform(0.04, 0.15)
    rules_out_below = rng.choice([0.0, rng.uniform(0.003, 0.03)], p=[0.06, 0.94])  # a few never tick anything
    pace = np.exp(rng.normal(0.0, 0.35))
    seen_once = resemblance[items] + rng.normal(0.0, 0.8, size=(len(items), N_CLASSES))  # this person's own view
    shown = rng.permutation(len(items))
    again = rng.choice(shown[: BATCH // 2], size=1 + rng.integers(2), replace=False)
    answers = []
    for position, which in enumerate([*shown, *again], start=1):
        view = sharpness * (seen_once[which] + rng.normal(0.0, 0.35, size=N_CLASSES))
        belief = np.exp(view - view.max())
        belief /= belief.sum()
        answers.append(
            Answer(
                annotator=f"simulated-{person:02d}",
                item=int(items[which]),
                **_page(belief, step, names_second_above, rules_out_below),
                seconds=_seconds(rng, pace, position, bool(belief.max() < 1 - names_second_above)),
                position=position,
                is_repeat=position > len(items),
            )
        )
    return answers


def _page(belief: np.ndarray, step: float, names_second_above: float, rules_out_below: float) -> dict:
    """What a person with this `belief` [K] writes: the first class and, where likely enough, the second; the ticks."""
    first, second = np.argsort(-belief, kind="stable")[:2]
    page: dict = {"top1": int(first), "p1": _rounded(max(belief[first], step), step)}
    chosen = [first]
    if belief[second] > names_second_above:
        page |= {"top2": int(second), "p2": _rounded(max(belief[second], step), step)}
        chosen.append(second)
    ruled_out = np.setdiff1d(np.flatnonzero(belief < rules_out_below), chosen)
    return page | {"impossible": tuple(int(c) for c in ruled_out)}


def _rounded(probability: float, step: float) -> float:
    return round(min(1.0, round(probability / step) * step), 2)


def _seconds(rng: np.random.Generator, pace: float, position: int, has_second: bool) -> float:
    """A page's time: lognormal, longer at first (63 to 28 s in CIFAR-10S), 8 s more where a second class is named."""
    typical = 26 + 30 * np.exp(-(position - 1) / 4) + 8 * has_second
    return round(float(pace * typical * np.exp(rng.normal(0.0, 0.5))), 1)


def _clicks(resemblance: np.ndarray) -> np.ndarray:
    """Clicks a class, int64 [n, K]: each is of another simulated person, on the class they find most alike."""
    rng = generator("simulation", 5)
    n = len(resemblance)
    clicks = rng.integers(*CLICKS, size=n)
    counts = np.zeros((n, N_CLASSES), dtype=np.int64)
    for i in range(CLICKS[1] - 1):
        view = resemblance + rng.normal(0.0, 0.8, size=resemblance.shape) + rng.gumbel(0.0, 0.3, resemblance.shape)
        asked = np.flatnonzero(clicks > i)
        np.add.at(counts, (asked, view[asked].argmax(axis=1)), 1)
    return counts
