"""A pack is read whole, or refused with its file, its place and what is wrong there."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import Catalog, load_catalog
from app.errors import NotFound, SetupError

BUGS, PROBLEM, PACK = "tiny/bugs.toml", "tiny/problem.toml", "pack.toml"
PATCHES = "tiny/shapes/tiny.toml"


def test_a_pack_is_read_in_its_order_with_every_field(catalog: Catalog) -> None:
    problem = catalog.problem("tiny")
    bug = problem.bugs["halved"]
    assert list(catalog.tiers) == ["reported", "warm-up", "drill"]
    assert (problem.title, problem.filename, list(problem.shapes)) == ("Tiny", "tiny.py", ["tiny"])
    assert (bug.family, bug.component, bug.properties) == ("two", "loss", ("halved_property",))
    assert (bug.patches["tiny"].find, bug.patches["tiny"].mark) == ("x * 2", "second")
    assert bug.debrief == "Debrief of halved."


def test_an_unknown_name_is_answered_with_the_names_that_there_are(catalog: Catalog) -> None:
    with pytest.raises(NotFound) as caught:
        catalog.tier("hard")
    assert "reported" in caught.value.hint


def test_a_folder_without_a_pack_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        load_catalog(tmp_path)
    assert "pack.toml is missing" in caught.value.message
    assert "OVERFIT_PROBLEMS" in caught.value.hint


def test_the_digest_is_of_what_verdicts_depend_on(pack: Path) -> None:
    before = load_catalog(pack).problem("tiny").digest
    (pack / "tiny" / "statement.md").write_text("Said better.")
    assert load_catalog(pack).problem("tiny").digest == before
    (pack / "tiny" / "probes.py").write_text('"""Another judge."""\n')
    assert load_catalog(pack).problem("tiny").digest != before


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (PACK, "format = 1", "format = 2", "has format 2; this Overfit reads format 1"),
        (PACK, "minutes = 60", 'minutes = "60"', "`minutes` must be a whole number"),
        (PACK, "guided = false", "guided = false\ncolour = 1", "unknown field `colour`"),
        (PACK, "[[tiers]]", "[[tiers", "is not valid TOML"),
        (PROBLEM, 'title = "Tiny"\n', "", "`title` is missing"),
        (PROBLEM, "the quick brown fox jumps", "too short", "`fox` must have 20 to 120 characters"),
        (PROBLEM, "the quick brown fox jumps", "over the lazy dog it jumps", "each different"),
        (PROBLEM, 'shapes = ["tiny"]', 'shapes = ["huge"]', "huge.py: is missing"),
        (BUGS, 'id = "halved"', 'id = "squared"', "no section `## squared`"),
        (BUGS, 'id = "halved"', 'id = "Halved"', "lower-case words joined by hyphens"),
        (PATCHES, 'find = "x * 2"', 'find = "x ** 2"', "`find` is there 0 times, not once"),
        (PATCHES, 'find = "x * 2"', 'find = "return"', "`find` is there 3 times, not once"),
        (PATCHES, 'replace = "x / 2"', 'replace = "x * 2"', "`find` and `replace` are the same"),
        (PATCHES, 'replace = "x / 2"', 'replace = "x /"', "the patched second does not parse"),
        (PATCHES, 'mark = "second"', 'mark = "fourth"', "names fourth, which the shape does not define"),
        (PATCHES, 'mark = "second"', 'mark = "first"', "the patch is not inside first"),
        (BUGS, 'symptom = "flat"', 'symptom = "odd"', "`symptom` is 'odd', not one of crash"),
        (BUGS, '"second hint loss", ', "", "three `hints`"),
        (BUGS, 'why = "why of halved"', 'why = " "', "`why` is empty"),
        (PATCHES, "[halved]", "[halfed]", "has a patch for no shape"),
        (PATCHES, "[halved]", "[other]\nx = 1\n[halved]", "there is no bug `other`"),
        (
            PATCHES,
            'mark = "first"',
            'mark = "first"\nsymptom = "odd"',
            "`symptom` is 'odd', not one of crash",
        ),
        ("tiny/debrief.md", "## halved", "## halves", "no section `## halved`"),
        ("tiny/debrief.md", "## squared", "## more\n\nText.\n\n## squared", "there is no bug `more`"),
        ("tiny/shapes/tiny.py", "SENTENCE =", "TEXT =", 'needs a line SENTENCE = "..."'),
        ("tiny/shapes/tiny.py", "def first(x):", "def first(x)", "does not parse"),
    ],
)
def test_a_broken_pack_is_refused_with_its_place(
    pack: Path, file: str, old: str, new: str, words: str
) -> None:
    path = pack / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(SetupError) as caught:
        load_catalog(pack)
    assert words in caught.value.message
    assert file.split("/")[0] in caught.value.message


def test_a_file_that_is_no_text_is_refused(pack: Path) -> None:
    (pack / "tiny" / "statement.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match=r"statement\.md: can't be read"):
        load_catalog(pack)
