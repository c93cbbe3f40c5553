    return [
        "gunicorn",
        f"--bind={host}:{port}",
        # Processes of this instance.
        f"--workers={BUDGET.processes}",
        "--worker-class=asgi",
        "--asgi-loop=asyncio",
        # Django has nothing to do when it starts or ends.
        "--asgi-lifespan=off",
        # The bytes that a body may have.
        f"pgconnections.backend.asgi_bodies:application({100 * 2**20})",
    ]
