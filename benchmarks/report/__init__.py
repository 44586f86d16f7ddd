"""Is a report right? Kinship and advice on pairs of networks whose history is known, beside other tools."""
