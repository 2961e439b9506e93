"""The picture of a controls report: shares of a gain with their intervals."""

from collections.abc import Mapping

from sweeps.show.drawing import figure_with_title, png_bytes, subtitle
from sweeps.studies.controls.shares import Left

INKS = ("#0055a4", "#d95f02", "#1b9e77", "#7570b3", "#8a8a8a")
LEAST, MOST = -1.0, 2.0  # shares that are drawn; what reaches further ends there


def shares_png(by_cell: Mapping[str, Mapping[str, Left]], test_set: str, simulated: bool) -> bytes:
    """A row for each cell and control: the share left standing with its interval, none where it has none."""
    rows = [(words, control, left) for words, found in by_cell.items() for control, left in found.items()]
    controls = list(dict.fromkeys(control for _, control, _ in rows))
    height = 1.6 + 0.24 * len(rows) + 0.4 * len(by_cell)
    figure = figure_with_title(9.6, height, f"What is left of people's gain on {test_set}", simulated)
    subtitle(figure, "share of the gain in cross-entropy over hard labels; lines are 95% intervals over replicates")
    panel = figure.subplots()
    figure.subplots_adjust(left=0.25, right=0.97, top=1 - 0.85 / height, bottom=0.6 / height)
    places, place, last = [], 0.0, ""
    for words, control, left in rows:
        if words != last:
            place += 1.1 if last else 0.0
            panel.text(0.004, place + 0.55, words, transform=panel.get_yaxis_transform(), fontsize=8.5, va="center")
            place, last = place + 0.3, words
        place += 1.0
        ink = INKS[controls.index(control) % len(INKS)]
        low, high = left.share.low, left.share.high
        if low is not None and high is not None:
            panel.hlines(place, max(low, LEAST), min(high, MOST), color=ink, linewidth=2.2, alpha=0.55)
        hollow = low is None
        panel.plot(
            min(max(left.share.share, LEAST), MOST),
            place,
            marker="o",
            color=ink,
            markerfacecolor="white" if hollow else ink,
            linestyle="none",
        )
        places.append((place, control))
    panel.axvline(0, color="#8a8a8a", linewidth=0.8)
    panel.axvline(1, color="#8a8a8a", linewidth=0.8, linestyle=(0, (4, 3)))
    panel.set_yticks([p for p, _ in places], [control for _, control in places], fontsize=8)
    panel.invert_yaxis()
    panel.set_xlim(LEAST - 0.05, MOST + 0.05)
    panel.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    panel.tick_params(labelsize=8)
    panel.grid(axis="x", color="#e9e9e9", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.set_xlabel("0%: the control explains it all; 100%: it explains nothing; hollow: no interval", fontsize=8.5)
    return png_bytes(figure)
