"""Price lists: YAML files that say how many seconds of a person's time each question takes."""
