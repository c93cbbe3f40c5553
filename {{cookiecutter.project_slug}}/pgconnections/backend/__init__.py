"""What is the same in every project: the database backend, its checks, health, environment."""
