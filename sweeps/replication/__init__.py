"""Whether the thesis's conclusions hold in our runs: its printed numbers and claims, held against results tables."""
