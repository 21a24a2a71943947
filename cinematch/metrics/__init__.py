"""Figures that a process tells of itself: the list of their names, the instruments that take them, the page."""
