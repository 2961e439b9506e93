"""Made-up problems with a known truth, and how often intervals hold on them."""
