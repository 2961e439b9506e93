"""Studies of one thesis and of one recorded grid; imported by the commands alone."""
