"""What of the gain from people's labels is left when softness alone is had for nothing, on several test sets."""
