"""Translate corpora: spans, each distinct one asked once; a memory of answers; documents rebuilt. See `job`."""
