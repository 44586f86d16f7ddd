"""What an adapter does on another model: how much of its gain is left there, and which placement loses least."""
