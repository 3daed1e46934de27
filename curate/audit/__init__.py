"""Have people look: a blind sample of what a run kept and dropped, and what their answers say about it.

design.py draws it, sheet.py and page.py are what people fill in, answers.py reads it back, figures.py makes precision of
it with the intervals of estimate.py, verified.py is the list of sites that follows.
"""
