"""Make the table of letter pairs behind `filters.pdf.encoding.letter_pairs` from labelled text, held-out documents left out.

It takes what `curate lid train` takes; the table that ships comes of

    python -m curate.pdf.letter_pairs '../shared/data/raw/wikipedia_*.jsonl.gz' ../shared/data/text/ntrex128.jsonl.gz \\
      ../shared/data/text/{udhr,bible_mark_john,masakhanews,xquad_contexts}.jsonl.gz \\
      ../shared/data/romanized/dakshina_sentences.jsonl.gz
"""

import sys
from collections import defaultdict

from curate.lid.corpus import held_out, read_all
from filters.pdf.encoding.letter_pairs import train

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
