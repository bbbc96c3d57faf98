"""The whole Earth as a first example: a true-colour image to search, relief patches to ask with."""
