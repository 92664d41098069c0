"""The kinds of objects of an account: rules as data, addresses, and the scope of an export."""
