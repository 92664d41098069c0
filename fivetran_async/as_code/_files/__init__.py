"""Snapshots, and the folder of files that holds one."""
