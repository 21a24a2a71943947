"""Real data in: files of others, read line by line, through the same event path as everything else."""
