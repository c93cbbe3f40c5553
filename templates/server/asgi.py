    return [
        "gunicorn",
        f"--bind={host}:{port}",
        # Processes of this instance.
        f"--workers={BUDGET.processes}",
        "--worker-class=asgi",
        # Django has nothing to do when it starts or ends.
        "--asgi-lifespan=off",
        "pgconnections.backend.pieces:application()",
    ]
