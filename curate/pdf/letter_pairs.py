"""Make the table of letter pairs behind `filters.pdf.letter_pairs` from labelled text, held-out documents left out.

`python -m curate.pdf.letter_pairs '../shared/data/text/*.jsonl.gz' ...` takes what `curate lid train` takes.
"""

import sys
from collections import defaultdict

from curate.lid.corpus import held_out, read_all
from filters.pdf.letter_pairs import train

LANGUAGE_CHARACTERS = 1_500_000  # read of a language, at most


def main() -> None:
    lines: defaultdict[str, list[str]] = defaultdict(list)
    size: defaultdict[str, int] = defaultdict(int)
    for document in read_all(sys.argv[1:]):
        if not held_out(document.key) and size[document.label] < LANGUAGE_CHARACTERS:
            lines[document.label] += document.paragraphs
            size[document.label] += sum(map(len, document.paragraphs))
    train(lines)


if __name__ == "__main__":
    main()
