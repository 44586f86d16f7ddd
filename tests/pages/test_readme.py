"""Pages quote the code's output, and each dependency has a reason."""

import re
import shlex
import tomllib
from statistics import fmean, median

import pytest

from figures.readme import PAGES, ROOT, SECTIONS, filled
from ioadapt_theory import cli
from toys.common.stats import Interval, holm, t_test
from toys.cugan import output as generators
from toys.llm import output as language
from toys.llm.study import BICO, CARRIED, MAPPED, RETRAINED, SCALED, THESEUS, ZERO
from toys.transfer import records
from toys.transfer.verdicts import endpoint

TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
README = " ".join(TEXTS["README.md"].split())


@pytest.mark.parametrize("page", TEXTS)
def test_the_generated_sections_are_up_to_date(page):
    assert filled(TEXTS[page]) == TEXTS[page], "run: python -m figures.readme"


def test_every_section_stands_on_one_page_between_its_markers():
    begun = re.findall(r"<!-- (\S+): written by", "".join(TEXTS.values()))
    ended = re.findall(r"<!-- end of (\S+) -->", "".join(TEXTS.values()))
    assert sorted(begun) == sorted(ended) == sorted(SECTIONS)


def commands() -> list[tuple[str, str]]:
    """Return (page, command) for each call of ``ioadapt`` or of a script, in code blocks and in sentences.

    Names of commands and syntax in brackets are excluded, and commands quoted with their output, which other tests run.
    """
    said = re.compile(r"(?:^ {4}|`)((?:ioadapt|python(?: -m)?) [^`\n]*)(?:`|$)", re.MULTILINE)
    found = set()
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        found |= {(page.relative_to(ROOT).as_posix(), line.strip()) for line in said.findall(text)}
    names = {f"ioadapt {name}" for name in ("adapters", "adapters bake", "report", "similarity", "transfer")}
    return sorted((page, line) for page, line in found if line not in names and "[" not in line and "NAME" not in line)


def test_every_command_on_a_page_is_one_that_is_taken(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the project's folder may be read-only
    for name in cli.COMMANDS:
        monkeypatch.setattr(cli.module_of(name), "run", lambda _: 0)
    seen = commands()
    assert len(seen) > 40
    for page, line in seen:
        program, *words = shlex.split(line, comments=True)
        if program == "ioadapt" and "--help" not in words:
            assert cli.main(words) == 0, f"{page}: {line}"
        elif program == "python":
            path = words[1].replace(".", "/") if words[0] == "-m" else words[0].removesuffix(".py")
            assert (ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file(), f"{page}: {line}"


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(r for extra, reqs in extras.items() if extra != "test" for r in reqs)]
    names = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in listed} - {"ioadapt-theory"}
    assert {name for name in names if f"`{name}`" not in TEXTS["docs/layout.md"]} == set()


def test_the_sentences_on_the_studies_follow_from_the_tables():
    text = TEXTS["README.md"].replace("\n", " ")
    words = [str(one.verdict) for one in endpoint.decided() if one.row == "input"]
    assert [words.count(word) for word in ("better", "worse", "inconclusive")] == [1, 1, 2] == [1, 1, len(words) - 2]
    assert "in one of four studies, less in one, and two are inconclusive" in text
    rows = [line.split(" | ") for line in TEXTS["README.md"].splitlines() if line.startswith("| independent")]
    kept = [row[5].partition(" ")[0] for row in rows]
    helpful = [share for share in kept if float(share) > 0.5]
    assert f"input adapters keep {' and '.join(helpful)} of their gain in two of four studies" in text
    assert max(float(share) for share in kept if share not in helpful) < 0.05


def test_the_sentences_on_generators_follow_from_their_record():
    result = records.read(generators.RECORD)
    made, _, cosines = generators.measured(result)
    unrelated = {
        row: median(one.own for one in made if one.row == row and cosines[one.source, one.target] < 0.1)
        for row in generators.ROWS
    }
    over = unrelated.pop(generators.OVER)
    trained = median(
        one.retrained for one in made if one.row == generators.OVER and cosines[one.source, one.target] < 0.1
    )
    assert (
        f"48 unlabelled patches) {over:.2f} of its gain, or {trained:.2f} of that of a LoRA trained there (medians)"
        in README
    )
    assert max(map(abs, unrelated.values())) < 0.1
    moved = {
        f"{one.source} > {one.target}: {one.task}: {one.row}": one.own for one in made if one.row == generators.OVER
    }
    told = {key: result["errors"][key]["predicted"] for key in moved}
    low = sorted((key for key in moved if moved[key] < 0.5), key=lambda key: moved[key])
    page = TEXTS["docs/upscalers.md"].replace("\n", " ")
    least = min(share for key, share in moved.items() if key not in low)
    assert (
        f"In {len(moved) - len(low)} of the {len(moved)} pairs, related or not, they keep at least {least:.2f}" in page
    )
    assert all(f"{moved[key]:.2f}" in page and f"{told[key]:.2f}" in page for key in low)
    assert f"median error of the predictions is {median(abs(told[key] - moved[key]) for key in moved):.2f}" in page


def test_the_sentence_on_a_language_model_follows_from_its_record():
    result = language.recorded()["smollm_slavic"]
    copied, over, own = (language.share(result, "2 blocks removed", r).mean for r in ("LoRA", CARRIED, RETRAINED))
    assert f"keeps {copied:.2f} of its gain, one that is carried over with 40 rows of text {over:.2f}" in README
    assert f"trained there with labels gains {own:.2f} times as much" in README
    kept = {row: str(language.share(result, "same function", row)) for row in ("LoRA", "input", "output", CARRIED)}
    told = f"a copied LoRA keeps {kept['LoRA']} of its gain, a copied input adapter {kept['input'].split()[0]}"
    told += f", an output adapter {kept['output'].split()[0]}, and a LoRA that is carried over with 40 unlabelled rows"
    assert f"{told} {kept[CARRIED].split()[0]}." in README
    every = language.recorded()["smollm_slavic_all"]
    on_all = {row: language.share(every, "same function", row).mean for row in ("input", "output", THESEUS, CARRIED)}
    layers = "On all linear layers, of which some read what is permuted"
    assert f"{layers}, a copied input adapter keeps {on_all['input']:.2f}." in README
    page = TEXTS["docs/smollm.md"].replace("\n", " ")
    assert f"a copied input adapter keeps only {on_all['input']:.2f} of its gain" in page
    assert f"An output adapter keeps {on_all['output']:.2f}," in page
    assert f"Theseus {on_all[THESEUS]:.2f}." in page
    assert on_all[CARRIED] > 0.995
    shown, _ = language.targets(result)
    spread = []
    for target in set(shown) - {"same function"}:
        shares = [language.share(result, target, row).mean for row in ("LoRA", "input", "output")]
        spread.append(max(shares) - min(shares))
        assert language.share(result, target, CARRIED).mean > shares[0] - 0.005
    assert f"shares of their gain that differ by at most {max(spread):.2f}," in README


def test_the_page_on_a_language_model_follows_from_its_record():
    result, page = language.recorded()["smollm_slavic"], TEXTS["docs/smollm.md"].replace("\n", " ")
    shown, _ = language.targets(result)
    apart = {target: language.difference(result, target, "input") for target in shown}
    several = {target: x for target, x in apart.items() if len(x) > 1}
    leads = {target: Interval.of(x) for target, x in several.items() if target != "same function"}
    decided = {target: lead for target, lead in leads.items() if abs(lead.mean) > lead.half_width}
    assert {*decided} == {"3 bits", "50 % pruned", "merged with a tuned one"}
    corrected = dict(zip(several, holm([t_test(x) for x in several.values()]), strict=True))
    assert [target for target, p in corrected.items() if p < 0.05] == ["same function"]
    assert "With Holm's correction, only that on the same function is decided." in page
    assert f"more than LoRA in three bits (by {decided['3 bits']})" in page
    assert f"on the merged model (by {decided['merged with a tuned one']})" in page
    fewer = decided["50 % pruned"]
    assert f"half is pruned (by {-fewer.mean:.2f} ± {fewer.half_width:.2f})" in page
    ahead = []
    for target in shown:
        over, zero = (language.share(result, target, row).mean for row in (CARRIED, ZERO))
        if zero > over:
            ahead.append(target)
            assert f"in the mean, {zero:.2f} against {over:.2f};" in page
    assert ahead == ["narrower MLPs, healed"]
    least = min(language.share(result, target, CARRIED, target).mean for target in shown)
    assert f"has at least {least:.2f} of the gain of the LoRA that was trained there" in page
    for models in result["seeds"].values():
        for rows in (models[target] for target in shown if target in models):
            best = min(fmean(rows[way]["losses"]) for way in ("LoRA", SCALED, THESEUS, BICO, MAPPED))
            assert fmean(rows[CARRIED]["losses"]) < best + 0.002
