"""The quotas of the account: how many requests it may still send."""
