"""What is asked for: a spec, its axes and cells, presets, the tuning of one axis."""
