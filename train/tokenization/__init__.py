"""Vocabulary expansion: the base tokenizer taken apart, new pieces found, put in, and verified."""
