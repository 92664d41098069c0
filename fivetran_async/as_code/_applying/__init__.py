"""Carrying out a plan: steps, journal, undo, and the rehearsal on a twin."""
