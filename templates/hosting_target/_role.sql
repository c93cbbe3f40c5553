-- Django's own, so that it does not have to set it at every connect.
ALTER ROLE {{ role }} SET timezone = 'UTC';
-- Less than a request may take (README.md). `manage.py migrate` lifts it for itself.
ALTER ROLE {{ role }} SET statement_timeout = '15s';
ALTER ROLE {{ role }} SET lock_timeout = '10s';
-- A transaction that waits for its client holds its connection, and its locks.
ALTER ROLE {{ role }} SET idle_in_transaction_session_timeout = '60s';
-- A query ends when its client has gone, as a killed worker: else it holds its connection.
ALTER ROLE {{ role }} SET client_connection_check_interval = '1s';
-- Notice a client whose machine has gone: probe after seconds of silence, seconds apart, so many
-- times; give up on unanswered data.
ALTER ROLE {{ role }} SET tcp_keepalives_idle = 30;
ALTER ROLE {{ role }} SET tcp_keepalives_interval = 5;
ALTER ROLE {{ role }} SET tcp_keepalives_count = 3;
ALTER ROLE {{ role }} SET tcp_user_timeout = '15s';
