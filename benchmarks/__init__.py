"""Side by side with others in one run: ratios, never bare numbers."""
