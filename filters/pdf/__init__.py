"""PDF pages: boxes, reading order, whether the text layer can be trusted, and the signals of a page's boxes."""
