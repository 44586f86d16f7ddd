"""The loop over a pair of tensors (the extra ``fast``), compiled in milliseconds by LLVM for the processor at hand.

It is written in LLVM's own language and not for numba, whose import takes as long as the weights of a whole model.
"""

import ctypes
import platform
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

LANES = 16
"""Elements that are taken at once: what is summed is filled up with zeros to a multiple of them."""

TYPES = {"F16": "half", "BF16": "bfloat", "F32": "float"}
"""Dtype -> LLVM's name of it."""

_ENGINES: list[object] = []
"""They own what they compiled."""

_SUMS = {"aa": "%x, %x", "ab": "%x, %y", "bb": "%y, %y", "dd": "%d, %d"}
_LOOP = """
define void @products(ptr %a, ptr %b, i64 %n, ptr %out) {{
start:
  br label %loop
loop:
  %i = phi i64 [0, %start], [%next, %loop]
  {begin}
  %at.a = getelementptr {a}, ptr %a, i64 %i
  %at.b = getelementptr {b}, ptr %b, i64 %i
  %raw.a = load <{lanes} x {a}>, ptr %at.a, align 1
  %raw.b = load <{lanes} x {b}>, ptr %at.b, align 1
  %x = fpext <{lanes} x {a}> %raw.a to {many}
  %y = fpext <{lanes} x {b}> %raw.b to {many}
  %d = fsub {many} %x, %y
  {add}
  %next = add i64 %i, {lanes}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  {end}
  ret void
}}
declare double @llvm.vector.reduce.fadd(double, {many})
"""
_BEGIN = "%{s} = phi {many} [zeroinitializer, %start], [%{s}.next, %loop]"
_ADD = """%{s}.term = fmul contract {many} {factors}
  %{s}.next = fadd contract {many} %{s}, %{s}.term"""
_END = """%{s}.at = getelementptr double, ptr %out, i64 {k}
  %{s}.before = load double, ptr %{s}.at
  %{s}.total = call reassoc double @llvm.vector.reduce.fadd(double %{s}.before, {many} %{s}.next)
  store double %{s}.total, ptr %{s}.at"""


@cache
def usable() -> bool:
    """Whether llvmlite is installed, of this language, and the processor widens fp16 itself.

    Elsewhere LLVM asks for a function of a C library. Pointers had types before LLVM 17.
    """
    if find_spec("llvmlite") is None:
        return False
    import llvmlite.binding as llvm

    machine = platform.machine().lower()
    widens = machine in ("aarch64", "arm64") or (machine in ("x86_64", "amd64") and "+f16c" in _features().split(","))
    return widens and llvm.llvm_version_info >= (17,)


def _features() -> str:
    """What this processor can do, as LLVM says it; nothing where LLVM does not know."""
    import llvmlite.binding as llvm

    try:
        return str(llvm.get_host_cpu_features().flatten())
    except RuntimeError:
        return ""


@cache
def products(one: str, two: str) -> Callable[[int, int, int, int], None]:
    """What adds ⟨a, a⟩, ⟨a, b⟩, ⟨b, b⟩ and ‖a - b‖² to four numbers, all in float64.

    It takes addresses: of a, of b, how many elements each has, a multiple of LANES, and of the four numbers.

    Args:
        one: Dtype of a, as in TYPES.
        two: Dtype of b.
    """
    import llvmlite.binding as llvm

    many = f"<{LANES} x double>"
    parts = {
        name: "\n  ".join(text.format(s=s, many=many, factors=_SUMS[s], k=k) for k, s in enumerate(_SUMS))
        for name, text in (("begin", _BEGIN), ("add", _ADD), ("end", _END))
    }
    source = _LOOP.format(a=TYPES[one], b=TYPES[two], lanes=LANES, many=many, **parts)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
    run = kind(engine.get_function_address("products"))
    _ENGINES.append(engine)
    return run
