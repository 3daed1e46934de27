"""Lines in reading order, paragraphs, running heads, and the text of pages and documents."""
