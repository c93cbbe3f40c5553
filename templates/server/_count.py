{% set bounded = plan.process_pool or plan.queue_pool or cookiecutter.server == 'asgi' %}
{% if bounded %}
def count(workers: int, threads: int, worker_class: str, application: str) -> None:
    """What gunicorn runs, whoever said so: the budget is that of these workers, or refuses them."""
    os.environ["WEB_CONCURRENCY"] = str(workers)
    Budget()
{% else %}
def count(workers: int, threads: int, worker_class: str, application: str) -> None:
    """What gunicorn runs, whoever said so: the budget is that of these workers, or refuses them."""
    os.environ["WEB_CONCURRENCY"] = str(workers)
    if worker_class in ("sync", "gthread"):
        os.environ["WEB_THREADS"] = str(threads)
{% if cookiecutter.server == 'wsgi' %}
    elif worker_class != "asgi" or "wsgi_threads" not in application:
{% else %}
    else:
{% endif %}
        raise ConfigurationError(
            f"Worker class {worker_class} with {application}: each request that it has at once "
            "opens a connection, and nothing bounds them. Accepted are sync and gthread."
        )
    Budget()
{% endif %}
