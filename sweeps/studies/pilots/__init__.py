"""What small collections foretold."""
