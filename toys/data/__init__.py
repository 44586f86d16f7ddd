"""Records of full runs, molecules with their energies, and digests of weights shipped with packages."""
