"""A snapshot as Terraform configuration."""
