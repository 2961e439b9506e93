"""What cells cost, which of them no other beats, bands, regimes, break-even prices."""
