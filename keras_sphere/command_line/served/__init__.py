"""What a server's page may ask for: tasks of the command line, on one loaded model."""
