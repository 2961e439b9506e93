"""The report on the recorded grid."""
