        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                if connection.alias in ("default", "direct"):  # else it is not of this budget
                    compare_roles(cursor)
                # The role may have limits for the time that these take. That for locks stays: while
                # a migration waits for one, everybody else waits behind it.
                cursor.execute("SET statement_timeout = 0")
                cursor.execute("SET idle_in_transaction_session_timeout = 0")
