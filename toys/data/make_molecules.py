"""Generate ``molecules.npz``: geometries of small HCNO molecules, with their GFN2-xTB energies in gas and in water.

Only this file needs rdkit and tblite (``pip install rdkit tblite``); the toy reads its output.

    python toys/data/make_molecules.py [FILE]

A molecule's geometries are ETKDG conformers relaxed with MMFF94. Gaussian noise with standard deviation DISTORTION is
added to every coordinate of all conformers but the first, so that stretched and bent bonds also occur. Coordinates are
rounded before labelling, so that the labels belong to exactly the coordinates in the file. Seeds are fixed, but a
different version of rdkit may generate different conformers.
"""

import argparse
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

GEOMETRIES = 4
DISTORTION = 0.03
"""Standard deviation of the noise in Å."""
BOHR = 0.529177210903
"""The Bohr radius in Å, CODATA 2018."""

SMILES = """
C CC CCC CCCC CC(C)C CCCCC CCC(C)C CC(C)(C)C CCCCCC C1CC1 C1CCC1 C1CCCC1 C1CCCCC1 CC1CC1 CC1CCC1 CC1CCCC1
C=C CC=C CCC=C CC=CC CC(C)=C C=CC=C C=C=C CC=C=C C=CCC=C CC(C)=CC C=CC(C)=C C1=CC1 C1=CCC1 C1=CCCC1 C1=CCCCC1
C1=CC=CC1
C#C CC#C CCC#C CC#CC C#CC#C C=CC#C CC#CC#C C#CCC#C
c1ccccc1 Cc1ccccc1 C=Cc1ccccc1 C#Cc1ccccc1
O CO CCO CCCO CC(C)O CCCCO CC(C)(C)O OCCO OCC(O)CO C=CCO C#CCO OC1CC1 OC1CCC1 OC1CCCC1 Oc1ccccc1 OCc1ccccc1 OO COO
COC CCOC CCOCC COCOC COCCO COC=C C=COC=C COC#C C1CO1 CC1CO1 C1COC1 C1CCOC1 C1CCOCC1 C1COCO1 C1COCCO1 C1=COCC1
c1ccoc1 Cc1ccco1
COc1ccccc1
C=O CC=O CCC=O CCCC=O CC(C)C=O C=CC=O C#CC=O O=CC=O CC(C)=O CCC(C)=O CC(=O)C=C CC(=O)C(C)=O CC(=O)CC(C)=O
O=C1CC1 O=C1CCC1
O=C1CCCC1 O=C1CCCCC1 O=C1C=CCC1 O=Cc1ccccc1 O=Cc1ccco1 C=C=O CC=C=O OCC=O CC(=O)CO O=C1C=CC(=O)C=C1
OC=O CC(=O)O CCC(=O)O CCCC(=O)O C=CC(=O)O C#CC(=O)O OCC(=O)O CC(O)C(=O)O CC(=O)C(=O)O OC(=O)C(=O)O OC(=O)CC(=O)O
OC(=O)c1ccccc1
COC=O CCOC=O COC(C)=O CCOC(C)=O COC(=O)C=C COC(=O)OC O=C1CCO1 O=C1CCCO1 O=C1C=CCO1 O=C1OCCO1 CC(=O)OC(C)=O
CC(=O)OC=C
O=C1CCC(=O)O1
N CN CCN CCCN CC(C)N CNC CN(C)C CCNC NCCN NCCO C=CCN C#CCN NC1CC1 Nc1ccccc1 NCc1ccccc1 CNCCO C1CN1 C1CNC1
C1CCNC1 C1CCNCC1
C1COCCN1 C1CNCCN1 CN1CCC1 CN1CCCC1 NN CNN CN(C)N NO CNO CON NCC#N NCCC#N
C#N CC#N CCC#N CCCC#N C=CC#N N#CC#N N#CCC#N C#CC#N OCC#N COCC#N CC(=O)C#N N#Cc1ccccc1 CC(C)C#N CN=C=O C[N+]#[C-]
NC#N CN(C)C#N
NC=O CNC=O CN(C)C=O CC(N)=O CNC(C)=O CN(C)C(C)=O CCC(N)=O C=CC(N)=O NC(=O)N CNC(N)=O NC(=O)C=O O=C1CCN1
O=C1CCCN1 O=C1CCCCN1
O=C1CNC(=O)N1 NC(=O)CO NC(=O)CN NCC(=O)O CC(N)C(=O)O CNCC(=O)O COC(N)=O NC(=O)C(N)=O O=C1CCC(=O)N1
O=C1C=CC(=O)N1 NC(=O)c1ccccc1
CC=N CC(C)=N C=NC CN=CN NC=N CC(N)=N NC(=N)N C=NO CC=NO CC(C)=NO CON=C N=C1CCCC1
c1cc[nH]c1 Cc1ccc[nH]1 Cn1cccc1 c1c[nH]cn1 c1cn[nH]c1 Cn1ccnc1 c1cocn1 c1conc1 c1ccncc1 Cc1ccncc1 Nc1ccncc1
Oc1ccncc1 c1cncnc1
c1cnccn1 c1ccnnc1 c1nc[nH]n1 c1nnco1 c1ncncn1 O=c1cc[nH]cc1 O=c1cc[nH]c(=O)[nH]1 Nc1cc[nH]c(=O)n1 N#Cc1ccc[nH]1
C[N+](=O)[O-] CC[N+](=O)[O-] C=C[N+](=O)[O-] [O-][N+](=O)c1ccccc1 CON=O CO[N+](=O)[O-] CN=[N+]=[N-] C=[N+]=[N-]
""".split()
"""The molecules, as SMILES, grouped by functional group."""


def geometries(smiles: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return atomic numbers, (atoms,), and coordinates of the conformers, (GEOMETRIES, atoms, 3), in Å."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    embed = AllChem.ETKDGv3()
    embed.randomSeed = seed
    found = list(AllChem.EmbedMultipleConfs(molecule, GEOMETRIES, embed))
    if len(found) < GEOMETRIES:
        msg = (
            f"rdkit embeds only {len(found)} of {GEOMETRIES} conformers of {smiles}; remove this molecule from SMILES."
        )
        raise RuntimeError(msg)
    AllChem.MMFFOptimizeMoleculeConfs(molecule, maxIters=2000)
    places = np.stack([molecule.GetConformer(k).GetPositions() for k in found])
    noise = np.random.default_rng(seed).normal(0, DISTORTION, places.shape)
    noise[0] = 0
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()], dtype=np.uint8)
    return numbers, (places - places.mean(1, keepdims=True) + noise).round(4).astype(np.float32)


def energies(numbers: np.ndarray, places: np.ndarray) -> tuple[float, float]:
    """Return the GFN2-xTB energy in the gas phase and the solvation energy in water, in hartree, for places in Å."""
    from tblite.interface import Calculator

    def single_point(*, water: bool) -> float:
        calculator: Any = Calculator("GFN2-xTB", numbers.astype(int), places.astype(np.float64) / BOHR)
        calculator.set("verbosity", 0)
        if water:
            calculator.add("alpb-solvation", "water")
        return float(calculator.singlepoint().get("energy"))

    gas = single_point(water=False)
    return gas, single_point(water=True) - gas


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Label small molecules with GFN2-xTB; needs rdkit and tblite.")
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("molecules.npz"), metavar="FILE")
    path = parser.parse_args(argv).file
    os.environ["OMP_NUM_THREADS"] = "1"  # with more threads tblite sums in another order, which changes the last digit
    molecule, sizes, numbers, places, labels = [], [], [], [], []
    for k, smiles in enumerate(SMILES):
        z, sets = geometries(smiles, seed=k + 1)
        for xyz in sets:
            molecule.append(k)
            sizes.append(len(z))
            numbers.append(z)
            places.append(xyz)
            labels.append(energies(z, xyz))
    np.savez_compressed(
        path,
        smiles=np.array(SMILES),
        molecule=np.array(molecule, dtype=np.int16),
        atoms=np.array(sizes, dtype=np.int16),
        numbers=np.concatenate(numbers),
        places=np.concatenate(places),
        energy=np.array(labels)[:, 0],
        solvation=np.array(labels)[:, 1],
        made_with=np.array([f"{name} {metadata.version(name)}" for name in ("rdkit", "tblite", "numpy")]),
    )
    sys.stdout.write(f"{path}: {len(SMILES)} molecules, {len(molecule)} geometries, {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
