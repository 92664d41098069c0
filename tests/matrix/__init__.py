"""What fails, in every combination: the matrix, its ledger, and the harnesses that drive it."""
