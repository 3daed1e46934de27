"""Native script to Latin letters, a word at a time. `translate.romanize` is the way in."""
