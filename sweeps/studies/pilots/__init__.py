"""What small collections of labels predicted."""
