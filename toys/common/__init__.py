"""The parts that scripts and figures share: how pictures look, and argument types of command lines."""
