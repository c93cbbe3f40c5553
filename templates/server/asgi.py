    return [
        "gunicorn",
        f"--bind={host}:{port}",
        # Processes of this instance.
        f"--workers={BUDGET.processes}",
        "--worker-class=uvicorn_worker.UvicornWorker",
        "config.asgi",
    ]
