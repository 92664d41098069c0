"""What stands for each function of fivetrex, a file per part of it."""
