"""The results table: its columns, and the words for cells."""
