"""How easy pages read.

    python -m tests.docs.readability README.md docs/quickstart.md docs/guide/*.md

Reading ease (Flesch 1948), of the prose alone: no code, tables, headings or formulas.

    206.835 − 1.015 · words/sentences − 84.6 · syllables/words

60 to 70 is plain English, 30 to 50 an essay. Names, numbers and terms of the glossary count as
words of a sentence, but not as syllables: a reader looks them up once.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
_FENCES = re.compile(r"^(```|:::+|\$\$).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_CODE = "Code"  # what stands for a name or a formula in a sentence
_VOWELS = re.compile(r"[aeiouy]+")


class Ease(NamedTuple):
    words: int
    sentences: int
    longest: int
    score: float


def prose(text: str) -> str:
    """A page without what is not read as sentences; paragraphs end with a blank line."""
    text = _FENCES.sub("\n\n", text)
    lines = []
    for line in text.splitlines():
        if line.startswith("    ") or line.lstrip().startswith(("|", "#", "![", ":::", "<")):
            lines.append("")
            continue
        item = re.match(r"\s*(?:[-*+]|\d+\.|:)\s+", line)
        lines.append(f"\n{line[item.end() :]}" if item else line)
    text = "\n".join(lines)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)  # links
    text = re.sub(r"`[^`]*`|\$[^$]*\$", _CODE, text)
    return re.sub(r"[*_]{1,2}(\S[^*_]*)[*_]{1,2}", r"\1", text)


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence."""
    found = []
    for paragraph in re.split(r"\n\s*\n", prose(text)):
        for part in re.split(r"(?<=[.!?])[\s)]+(?=[\"(A-Z0-9ληθρα])", " ".join(paragraph.split())):
            words = [word for word in re.findall(r"[\w’'-]+", part) if re.search(r"\w", word)]
            if words:
                found.append(words)
    return found


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end."""
    word = word.lower()
    count = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and count > 1
    return max(1, count - silent)


def terms() -> set[str]:
    """The words of the glossary's terms, and their plurals."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    heads = re.findall(r"^(\S.*)\n: ", text, re.MULTILINE)
    words = {word.lower() for head in heads for word in head.split()}
    return words | {f"{word}s" for word in words}


def ease(text: str, known: set[str] | frozenset[str] = frozenset()) -> Ease:
    found = sentences(text)
    words = [word for sentence in found for word in sentence]
    counted = [w for w in words if w.isalpha() and w != _CODE and w.lower() not in known]
    if not counted:
        return Ease(len(words), len(found), max(map(len, found), default=0), 100.0)
    length, weight = len(words) / len(found), sum(map(syllables, counted)) / len(counted)
    return Ease(
        words=len(words),
        sentences=len(found),
        longest=max(map(len, found)),
        score=206.835 - 1.015 * length - 84.6 * weight,
    )


if __name__ == "__main__":
    print(f"{'page':40} {'words':>6} {'sentences':>9} {'longest':>8} {'ease':>6}")
    for page in sys.argv[1:]:
        one = ease(Path(page).read_text(encoding="utf-8"), terms())
        print(f"{page:40} {one.words:6} {one.sentences:9} {one.longest:8} {one.score:6.1f}")
