        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = USER")
            role, limit = cursor.fetchone()
            needed = BUDGET.of_the_role
            if 0 <= limit < needed:  # -1 is no limit
                raise CommandError(
                    f"The role {role} may open {limit} connections, but needs {needed} by the "
                    f"budget: ALTER ROLE {role} CONNECTION LIMIT {needed}."
                )
            # The role may have limits for the time that these take. That for locks stays: while a
            # migration waits for one, everybody else waits behind it.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
