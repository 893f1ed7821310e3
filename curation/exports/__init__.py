"""Rows of a corpus in the columns that trainers and published corpora use; pure functions, no files."""
