"""Objects of an account: from records of the API to fields of files, and back."""
