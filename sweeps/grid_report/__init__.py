"""The report on the recorded grid: what varies, whether bands hold, what it says of labels and budgets."""
