"""The experiment of every study: learning rates are chosen on the source, adapters moved to targets and retrained."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any, Final

from toys.transfer.protocol import Method, Protocol
from toys.transfer.runs import SOURCE, Run

Runner = Callable[[list[Run]], dict[Run, Mapping[str, Any]]]
"""A function that runs units and returns unit -> results."""

NONE: Final = "no adapter"


@dataclass(frozen=True, slots=True)
class Study:
    protocol: Protocol
    seeds: tuple[int, ...]
    size: str
    rates: Mapping[str, float] | None = None
    """Learning rates of a recorded run, or None to search for them."""
    case: str = ""

    def results(self, run: Runner) -> dict[str, Any]:
        """Run the whole study and return its results.

        Args:
            run: function that computes units of work.

        Returns:
            ``rates``: method -> chosen learning rate, whether it lies inside the grid, number of parameters, relative
            size of the change by seed, and validation losses of the rates tried. ``rows``: method or baseline -> model
            -> values by seed. ``also``: further measure, if any -> its rows, at full strength. ``own``: model -> losses
            without an adapter, by seed. ``cosines``: target -> layer -> cosine of the weights by seed, to three digits.
        """
        rates = {name: self._tuned(run, method, name) for name, method in self.protocol.methods.items()}
        units = [self._unit(seed, "facts") for seed in self.seeds]
        found = run(units)
        facts = [found[unit] for unit in units]  # results arrive in the order of completion
        rows = self._rows(run, rates, facts)
        also = {}
        for measure in self.protocol.also:  # uses the cache, so that nothing runs again
            of = replace(self, protocol=replace(self.protocol, measure=measure))._rows(run, rates, facts)
            also[measure] = {row: values for row, values in of.items() if " x " not in row}
        return {
            "rates": rates,
            "rows": rows,
            **({"also": also} if also else {}),
            "own": {m: [one["own"][m] for one in facts] for m in (SOURCE, *self.protocol.targets)},
            "cosines": {m: _by_layer([one["cosines"][m] for one in facts]) for m in self.protocol.targets},
        }

    def _rows(
        self, run: Runner, rates: Mapping[str, Any], facts: Iterable[Mapping[str, Any]]
    ) -> dict[str, dict[str, list[float | None]]]:
        rows: dict[str, Any] = {NONE: self._by_model(one["none"] for one in facts)}
        return rows | self._moved(run, rates) | self._retrained(run, rates)

    def _by_model(self, found: Iterable[Any]) -> dict[str, list[float]]:
        some = list(found)
        models = [m for m in (SOURCE, *self.protocol.targets) if m in some[0]]
        return {m: [one[m][self.protocol.measure] for one in some] for m in models}

    def _unit(self, seed: int, what: str, **more: Any) -> Run:
        toy, rule = self.protocol.world, self.protocol.rule
        return Run(toy=toy, size=self.size, seed=seed, what=what, rule=rule, case=self.case, **more)

    def _tuned(self, run: Runner, method: Method, name: str) -> dict[str, Any]:
        """Return the learning rate with the smallest mean validation loss, and the results of the search.

        The search ends when the neighbours of the best rate, and at least ``rule.least`` rates, have been tried.
        Recorded rates are used without a search.
        """
        rule, seeds = self.protocol.rule, self.seeds[: self.protocol.tuned or None]
        tried: dict[float, list[Mapping[str, Any]]] = {}
        todo = [*rule.first] if self.rates is None else [self.rates[name]]
        while todo:
            units = {r: [self._unit(s, "train", method=method, rate=r) for s in seeds] for r in todo}
            found = run([unit for some in units.values() for unit in some])
            tried |= {r: [found[unit] for unit in some] for r, some in units.items()}
            best = min(tried, key=lambda r: _mean(tried[r]))
            place = rule.ladder.index(best)
            beside = rule.ladder[max(place - 1, 0) : place + 2]
            todo = [] if self.rates else [r for r in beside if r not in tried]
            if not todo and not self.rates and len(tried) < rule.least:
                low, high = (rule.ladder.index(f(tried)) for f in (min, max))
                todo = [r for r in (*rule.ladder[high + 1 : high + 2], *rule.ladder[max(low - 1, 0) : low])][:1]
        interior = bool(self.rates) or (len(beside) == 3 and set(beside) <= set(tried))
        losses = {f"{r:g}": [one["validation"] for one in some] for r, some in sorted(tried.items())}
        return {
            "rate": best,
            "interior": interior,
            "numbers": tried[best][0]["numbers"],
            "size": [one.get("size") for one in tried[best]],
            "validation": losses,
        }

    def _moved(self, run: Runner, rates: Mapping[str, Any]) -> dict[str, Any]:
        methods = self.protocol.methods
        kinds = [*(("move", name) for name in methods), *([("carry", "lora")] if self.protocol.carried else [])]
        units = {
            (what, name): [self._unit(s, what, method=methods[name], rate=rates[name]["rate"]) for s in self.seeds]
            for what, name in kinds
        }
        found = run([unit for some in units.values() for unit in some])
        rows = {}
        for (what, name), some in units.items():
            for key in found[some[0]]:
                row = key if what == "carry" else name if float(key) == 1 else f"{name} x {key}"
                rows[row] = self._by_model(found[u][key] for u in some)
        return rows

    def _retrained(self, run: Runner, rates: Mapping[str, Any]) -> dict[str, Any]:
        """Train every method of LoRA's rank on the related targets, and LoRA also on ``strangers``, as a reference.

        Targets with the source's function are skipped, since training on them gives nothing new. At the size "quick",
        only LoRA is trained.

        Returns:
            Name of the method and ", retrained" -> target -> values by seed.
        """
        quick = self.size == "quick"  # retrain only LoRA, whose gain is the denominator of shares
        matched = {n: m for n, m in self.protocol.methods.items() if m.match == "rank" and (n == "lora" or not quick)}
        related, strangers = self.protocol.related, self.protocol.strangers

        def unit(name: str, where: str, seed: int) -> Run:
            return self._unit(seed, "train", method=matched[name], rate=rates[name]["rate"], where=where)

        units = {
            (name, where): [unit(name, where, s) for s in self.seeds]
            for name in matched
            for where in (related if name != "lora" else (*related, *strangers))
        }
        found = run([unit for some in units.values() for unit in some])
        rows: dict[str, Any] = {f"{name}, retrained": {} for name in matched}
        for (name, where), some in units.items():
            rows[f"{name}, retrained"][where] = [found[u].get("measured", {}).get(self.protocol.measure) for u in some]
        return rows


def _mean(some: Iterable[Mapping[str, Any]]) -> float:
    losses = [one["validation"] for one in some]
    return float("inf") if None in losses else mean(losses)


def _by_layer(seeds: list[Mapping[str, float]]) -> dict[str, list[float]]:
    return {layer: [float(f"{one[layer]:.3g}") for one in seeds] for layer in seeds[0]}


__all__ = ["NONE", "SOURCE", "Runner", "Study"]
