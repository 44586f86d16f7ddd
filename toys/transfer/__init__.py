"""Does an adapter transfer? One protocol for every toy, which brings a model, data and a task only."""
