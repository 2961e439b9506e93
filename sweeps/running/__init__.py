"""What runs trials and keeps them: the runner, one trial, the store."""
