"""Checks of translations: `check` says what is wrong with each span's, by signals that have cutoffs of their own."""
