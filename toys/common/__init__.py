"""Parts that scripts and figures share: the style of figures, statistics, and argument types of command lines."""
