"""What was handed in, as it comes: a file, a notebook, a folder or an archive; found, unpacked and copied."""
