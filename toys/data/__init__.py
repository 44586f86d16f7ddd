"""Records of full runs, molecules with their energies, and the digests of weights that come inside packages."""
