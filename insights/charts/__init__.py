"""Results of insights as pictures."""
