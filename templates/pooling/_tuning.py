        # Seconds that a silent connection counts as alive without asking the server: firewalls and
        # load balancers forget idle ones after 4 to 6 minutes. 0: asked each time, one round trip.
        "CONN_TRUSTED_FOR": 30,
        # Seconds that a request waits for a server that was there and is gone. 0: it fails at once.
        "CONN_PATIENCE": 10,
