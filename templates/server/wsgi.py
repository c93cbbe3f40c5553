    return [
        "gunicorn",
        f"--bind={host}:{port}",
        # Processes of this instance.
        f"--workers={BUDGET.processes}",
        # Its event loop waits for clients; the threads run Django.
        "--worker-class=asgi",
        "--asgi-loop=asyncio",
        "--asgi-lifespan=off",
        # Seconds that a request goes on whose client has left: what waits for a thread is not run.
        "--asgi-disconnect-grace-period=0",
        # The threads of each process, each of which uses one connection at a time, and the bytes
        # that a body may have.
        f"pgconnections.backend.wsgi_threads:application({BUDGET.threads}, {100 * 2**20})",
    ]
