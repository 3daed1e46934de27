"""Language models, asked in batches: one protocol over servers, vLLM and an echo. No file I/O."""
