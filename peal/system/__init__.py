"""What peal asks of the operating system and of git: processes, files, folders, signals."""
