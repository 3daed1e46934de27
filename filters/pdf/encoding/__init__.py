"""What a text layer is worth, and text in legacy font encodings as Unicode."""
