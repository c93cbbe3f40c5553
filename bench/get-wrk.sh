#!/bin/sh
# Get wrk, which loads the servers. Without one on this machine, Debian's or Ubuntu's package is
# unpacked into the folder that is named, which needs no root and changes nothing else.
set -eu
into=$1

if PATH="$PATH:$into" command -v wrk; then
    exit 0
fi
if ! command -v apt-get > /dev/null; then
    echo "Install wrk, for example with: brew install wrk" >&2
    exit 1
fi

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
mkdir -p "$packages/lists/partial" "$packages/archives/partial"
apt() {
    apt-get -qq -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o "Dir::State::lists=$packages/lists" \
        -o "Dir::Cache=$packages" -o "Dir::Cache::archives=$packages/archives" "$@"
}
apt update >&2
apt install --download-only --yes --no-install-recommends wrk >&2
for package in "$packages"/archives/*.deb; do
    dpkg -x "$package" "$into"
done
cat > "$into/wrk" << 'EOF'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for libraries in "$here"/usr/lib/*-linux-gnu*; do
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
exec "$here/usr/bin/wrk" "$@"
EOF
chmod 755 "$into/wrk"
echo "$into/wrk"
