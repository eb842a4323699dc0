"""The catalog's history: one module in versions/ for every change of its tables."""
