"""OCR: engines behind one protocol, and a page read in order whatever way it lies."""
