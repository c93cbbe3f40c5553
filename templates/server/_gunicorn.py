        # Seconds after which a worker that no longer answers is replaced. One slow request is no
        # reason.
        "--timeout=30",
        # Seconds that requests have to end in, once the server is told to stop.
        "--graceful-timeout=30",
        # Seconds that a connection may idle: longer than load balancers keep theirs, or a request
        # is lost to one that closes as it arrives (AWS 60 s, Azure 240 s, Google 600 s).
        "--keep-alive=620",
        # Nobody's word for the scheme but that of the header in config/settings.py.
        "--forwarded-allow-ips=",
        "--access-logfile=-",
        # When, from whom, for whom, what, the status, and the milliseconds that it took.
        '--access-logformat=%(t)s %(h)s %({x-forwarded-for}i)s "%(m)s %(U)s" %(s)s %(M)s ms',
        # Nothing talks to it, and it would need a home folder to write to.
        "--no-control-socket",
