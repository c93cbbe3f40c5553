#!/bin/sh
# debian-pgbouncer.sh SUITE FOLDER: unpack the PgBouncer of a release of Debian, with all libraries that
# it needs, and write a command that starts it with those. Needs no root, and changes nothing else.
set -eu
suite=$1 into=$2

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
mkdir -p "$packages/lists/partial" "$packages/archives/partial"
# Nothing is installed, as far as apt is told, so that it gets the C library too.
: > "$packages/status"
# The first of the sources of this machine, for the other release.
sed -n "/^\$/q; s/^Suites:.*/Suites: $suite/; p" /etc/apt/sources.list.d/debian.sources > "$packages/debian.sources"
apt() {
    apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=/dev/null \
        -o "Dir::Etc::sourceparts=$packages" -o "Dir::State::lists=$packages/lists" \
        -o "Dir::State::status=$packages/status" -o "Dir::Cache=$packages" \
        -o "Dir::Cache::archives=$packages/archives" "$@"
}
apt update
apt install --download-only --yes --no-install-recommends pgbouncer
for package in "$packages"/archives/pgbouncer_*.deb "$packages"/archives/lib*.deb "$packages"/archives/zlib1g_*.deb; do
    dpkg -x "$package" "$into"
done
cat > "$into/pgbouncer" << 'EOT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for loader in "$here"/lib64/ld-linux-*.so.* "$here"/usr/lib*/ld-linux-*.so.* "$here"/lib/ld-linux-*.so.* "$here"/usr/lib/*/ld-linux-*.so.*; do
    if test -e "$loader"; then
        break
    fi
done
for folder in "$here"/lib/*-linux-gnu* "$here"/usr/lib/*-linux-gnu*; do
    libraries=${libraries:+$libraries:}$folder
done
exec "$loader" --library-path "$libraries" "$here/usr/sbin/pgbouncer" "$@"
EOT
chmod 755 "$into/pgbouncer"
