"""The protocol of all transfer experiments; each toy provides a model, data and a task."""
