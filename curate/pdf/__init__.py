"""PDFs to pages, and pages to documents: the stage before measuring, where the input holds PDFs."""
