"""Ray, and nothing of the science: where trials run, whether they fit there, and jobs on a cluster."""
