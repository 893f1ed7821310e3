"""The steps recipes are made of, one verb a file."""
