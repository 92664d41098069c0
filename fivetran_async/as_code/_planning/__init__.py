"""Plans: the changes of a whole account, as data, text and files."""
