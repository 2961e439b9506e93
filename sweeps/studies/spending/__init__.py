"""What test labels buy: choosing between models by few clicks, training against test labels, rounds of relabelling."""
