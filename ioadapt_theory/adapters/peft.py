"""The name under which the README of version 0.1 imported the plug-in; it is ``ioadapt_theory.peft``."""

import sys
from importlib import import_module

sys.modules[__name__] = import_module("ioadapt_theory.peft")  # by name: nothing here stands above this package
