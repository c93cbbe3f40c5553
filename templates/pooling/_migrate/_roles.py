def compare_roles(cursor: Any) -> None:
    """The limit of each role with what it is for: that of the web is for all, unless there is
    another one, with its name and `_other`, for what is not the web."""
    cursor.execute("SELECT USER")
    web = cursor.fetchone()[0].removesuffix("_other")
    other, needed = f"{web}_other", BUDGET.of_the_role
    named = "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname IN (%s, %s)"
    cursor.execute(named, [web, other])
    limits = dict(cursor.fetchall())
    if other in limits:
        needed -= BUDGET.other
        if not 0 <= limits[other] <= BUDGET.other:  # -1 is no limit
            raise CommandError(
                f"The role {other} could take connections of the web, for which the budget has no "
                f"more than {BUDGET.other}: ALTER ROLE {other} CONNECTION LIMIT {BUDGET.other}."
            )
    if 0 <= (limit := limits.get(web, -1)) < needed:
        raise CommandError(
            f"The role {web} may open {limit} connections, but needs {needed} by the "
            f"budget: ALTER ROLE {web} CONNECTION LIMIT {needed}."
        )
