"""Functions that transfer and combine adapters, convert them (Eq. 5), or turn them into plain LoRAs."""
