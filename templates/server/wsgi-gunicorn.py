    return [
        "gunicorn",
        f"--bind={host}:{port}",
        # Processes of this instance.
        f"--workers={BUDGET.processes}",
        # Per process. A thread uses one connection at a time.
        "--worker-class=gthread",
        f"--threads={BUDGET.threads}",
        # The bytes that a body may have.
        f"pgconnections.backend.wsgi_bodies:application({100 * 2**20})",
    ]
