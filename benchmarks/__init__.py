"""How fast and how lean: the layer, the verifier and the analyser beside their peers, one table each."""
