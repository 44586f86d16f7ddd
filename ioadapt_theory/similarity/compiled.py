"""The sums over a pair of tensors in a loop compiled by LLVM (the extra ``fast``), without torch.

On two checkpoints of SD-1.5's size, `ioadapt similarity` takes 1.1 CPU s with this loop, a third of it to read 3.4 GB.
With torch it takes 3.5 s, of which the import takes 1.7 s, and with numpy 2.4 it would take 2.2 s. numba does not
support float16 on CPUs, and its import takes 0.4 s.
"""

import ctypes
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.util import find_spec
from itertools import combinations
from typing import Any

import numpy as np

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.moments import Moments

CHUNK = 64 * 1024
"""Number of elements of each model per step, chosen so that those of a pair of models fit into the cache."""
DTYPES: Mapping[str, tuple[str, type[np.generic]]] = {
    "F16": ("half", np.uint16),
    "BF16": ("bfloat", np.uint16),
    "F32": ("float", np.float32),
}
"""For each dtype in a file, its name in LLVM and a numpy dtype of the same size."""

LOOP = """
define void @sums(ptr %a, ptr %b, i64 %n, ptr %out) {{
start:
  %out.ab = getelementptr double, ptr %out, i64 1
  %out.bb = getelementptr double, ptr %out, i64 2
  %out.dd = getelementptr double, ptr %out, i64 3
  br label %loop
loop:
  %i = phi i64 [0, %start], [%i.next, %loop]
  %aa = phi double [0.0, %start], [%aa.next, %loop]
  %ab = phi double [0.0, %start], [%ab.next, %loop]
  %bb = phi double [0.0, %start], [%bb.next, %loop]
  %dd = phi double [0.0, %start], [%dd.next, %loop]
  %a.i = getelementptr {a}, ptr %a, i64 %i
  %b.i = getelementptr {b}, ptr %b, i64 %i
  %a.stored = load {a}, ptr %a.i, align 1
  %b.stored = load {b}, ptr %b.i, align 1
  %x = fpext {a} %a.stored to double
  %y = fpext {b} %b.stored to double
  %d = fsub double %x, %y
  %xx = fmul contract double %x, %x
  %xy = fmul contract double %x, %y
  %yy = fmul contract double %y, %y
  %d2 = fmul contract double %d, %d
  %aa.next = fadd reassoc contract double %aa, %xx
  %ab.next = fadd reassoc contract double %ab, %xy
  %bb.next = fadd reassoc contract double %bb, %yy
  %dd.next = fadd reassoc contract double %dd, %d2
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, %n
  br i1 %more, label %loop, label %end
end:
  store double %aa.next, ptr %out
  store double %ab.next, ptr %out.ab
  store double %bb.next, ptr %out.bb
  store double %dd.next, ptr %out.dd
  ret void
}}
"""
"""Sums over elements x of a and y of b: aa += xx, ab += xy, bb += yy, dd += (x - y)², in an unspecified order."""

Fills = dict[int, tuple[str, Callable[[memoryview, int], object]]]
"""For each model, a tensor's dtype, and a function that fills a buffer with its bytes, from a given element on."""


@cache
def usable() -> bool:
    """Return whether llvmlite is installed with LLVM 17 or later, and the processor converts float16 in hardware."""
    if find_spec("llvmlite") is None:
        return False
    import llvmlite.binding as llvm

    machine = platform.machine().lower()
    widens = machine in ("aarch64", "arm64") or (machine in ("x86_64", "amd64") and "+f16c" in _features().split(","))
    return widens and llvm.llvm_version_info >= (17,)


def _features() -> str:
    """Return the processor's features in LLVM's syntax; "" if LLVM does not know them."""
    import llvmlite.binding as llvm

    try:
        return str(llvm.get_host_cpu_features().flatten())
    except RuntimeError:
        return ""


@cache
def sums(one: str, two: str) -> Callable[[int, int, int, int], None]:
    """Return a loop that writes ⟨a, a⟩, ⟨a, b⟩, ⟨b, b⟩ and ‖a - b‖² in float64; the dtypes of a and b are given.

    The loop takes the addresses of a and b, their common number of elements, and the address of the four results.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3)
    module = llvm.parse_assembly(LOOP.format(a=DTYPES[one][0], b=DTYPES[two][0]))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
    run: Any = kind(engine.get_function_address("sums"))
    run.engine = engine  # the engine owns the code
    return run


def fills(checkpoints: Sequence[Checkpoint], layer: Layer) -> Fills | None:
    """Return dtype and reader for each model that has the layer; None if the compiled loop cannot read all of them."""
    sources: Fills = {}
    for model in layer.models:
        name = str(layer.tensors[model])
        info = checkpoints[model].tensors[name]
        fill = checkpoints[model].bytes_of(name) if info.dtype in DTYPES else None
        if fill is None:
            return None
        sources[model] = (info.dtype, fill)
    return sources


def moments(checkpoints: Sequence[Checkpoint], layer: Layer) -> Moments:
    """Return the models' inner products and squared distances for a layer that ``fills`` can read."""
    sources = fills(checkpoints, layer)
    assert sources is not None, "checked by the caller"
    count, length = len(checkpoints), min(CHUNK, layer.numel)
    inner, squares = np.full((count, count), np.nan), np.full((count, count), np.nan)
    raw = {model: np.empty(length, DTYPES[dtype][1]) for model, (dtype, _) in sources.items()}
    results = np.zeros(4)
    totals = {pair: np.zeros(4) for pair in combinations(sources, 2)}
    steps = {
        (i, j): partial(sums(sources[i][0], sources[j][0]), raw[i].ctypes.data, raw[j].ctypes.data) for i, j in totals
    }
    for start in range(0, layer.numel, CHUNK):
        n = min(CHUNK, layer.numel - start)
        for model, (_, fill) in sources.items():
            fill(raw[model][:n].view(np.uint8).data, start)
        for pair, step in steps.items():
            step(n, results.ctypes.data)
            totals[pair] += results
    for (i, j), (aa, ab, bb, apart) in totals.items():
        inner[i, i], inner[j, j] = aa, bb
        inner[i, j] = inner[j, i] = ab
        squares[i, j] = squares[j, i] = apart
        squares[i, i] = squares[j, j] = 0.0
    return Moments(inner, squares)
