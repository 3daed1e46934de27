"""Small good and bad texts in four scripts, written here: sentences against menus of the same words."""

import json
import random
import tempfile
from functools import cache
from pathlib import Path

from curate.quality.corpus import Example
from curate.quality.train import train

WORDS = {
    "eng_Latn": (
        "river village market teacher winter garden letter bridge farmer window story morning",
        "the of and in to was with that",
        ".",
        " ",
    ),
    "hin_Deva": ("नदी गाँव बाज़ार शिक्षक सर्दी बगीचा पत्र पुल किसान खिड़की कहानी सुबह", "का की के में और से यह है", "।", " "),
    "tam_Taml": ("ஆறு கிராமம் சந்தை ஆசிரியர் குளிர் தோட்டம் கடிதம் பாலம் விவசாயி கதை", "ஒரு இந்த அந்த மற்றும் என்று உள்ளது", ".", " "),
    "tha_Thai": ("แม่น้ำ หมู่บ้าน ตลาด ครู ฤดูหนาว สวน จดหมาย สะพาน ชาวนา หน้าต่าง", "และ ที่ ของ ใน เป็น ได้ จะ", " ", ""),
}


def sentence(label: str, chance: random.Random) -> str:
    """Content and function words by turns."""
    content, function, stop, space = WORDS[label]
    pairs = chance.randint(4, 9)
    return space.join(chance.choice(part.split()) for _ in range(pairs) for part in (function, content)) + stop


def good(label: str, chance: random.Random) -> str:
    return "\n".join(" ".join(sentence(label, chance) for _ in range(3)) for _ in range(chance.randint(1, 4)))


def bad(label: str, chance: random.Random) -> str:
    """A menu: a word or two a line."""
    content, _, _, space = WORDS[label]
    lines = (space.join(chance.choices(content.split(), k=chance.randint(1, 2))) for _ in range(chance.randint(20, 70)))
    return "\n".join(lines)


def rows(label: str, texts: int, kind: str, seed: int = 1) -> list[dict[str, str]]:
    """Rows of ten sites."""
    chance = random.Random(f"{label} {kind} {seed}")
    make = good if kind == "good" else bad
    return [
        {
            "text": make(label, chance),
            "language": label,
            "url": f"https://www.{kind}{n % 10}.example/{n}",
            "id": f"{kind}{n}",
        }
        for n in range(texts)
    ]


def write(path: Path, given: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given), encoding="utf-8")
    return str(path)


def examples(texts: int = 60, labels: tuple[str, ...] = tuple(WORDS)) -> list[Example]:
    return [
        Example(label, row["text"], row["url"].split("/")[2].removeprefix("www."), kind == "good")
        for label in labels
        for kind in ("good", "bad")
        for row in rows(label, texts, kind)
    ]


@cache
def trained() -> Path:
    """A model of all four languages, trained once a session."""
    path = Path(tempfile.mkdtemp(prefix="multicurate-quality-")) / "model.ftz"
    train(examples(), path)
    return path
