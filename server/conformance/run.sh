#!/bin/sh
# run.sh [HOST...] -- COMMAND [ARGUMENT...]
# Runs a black-box suite's command in a network and a table of hosts of its own: nothing but loopback is there, hs1 to hs9 are 127.0.1.1 to 127.0.1.9, where
# start.sh may start servers on ports 8008 and 8448, and each HOST (host.docker.internal, say) is 127.0.0.1. CA_CRT and CA_KEY name a certification authority
# made for this run, TLS_CRT and TLS_KEY a certificate of it for all these names; START names start.sh. Needs root, or user namespaces; util-linux, iproute2, openssl.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${SUITE_NETWORK:-}" != own ]; then
	exec env SUITE_NETWORK=own unshare --net --mount --map-root-user --fork --kill-child "$0" "$@"
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset SUITE_NETWORK
names=localhost
cp /etc/hosts "$dir/hosts"
for n in 1 2 3 4 5 6 7 8 9; do
	echo "127.0.1.$n hs$n" >>"$dir/hosts"
	names="$names hs$n"
done
while [ "$1" != -- ]; do
	echo "127.0.0.1 $1" >>"$dir/hosts"
	names="$names $1"
	shift
done
shift
mount --bind "$dir/hosts" /etc/hosts
ip link set lo up

export CA_CRT="$dir/ca.pem" CA_KEY="$dir/ca.key" TLS_CRT="$dir/tls.pem" TLS_KEY="$dir/tls.key" START="$here/start.sh"
for key in "$CA_KEY" "$TLS_KEY"; do
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
done
openssl req -x509 -new -key "$CA_KEY" -subj /CN=beffroi-suite -days 2 -out "$CA_CRT"
openssl req -x509 -new -key "$TLS_KEY" -subj /CN=beffroi-suite -days 2 -CA "$CA_CRT" -CAkey "$CA_KEY" -out "$TLS_CRT" \
	-addext "subjectAltName=$(for name in $names; do printf 'DNS:%s,' "$name"; done)IP:127.0.0.1" -addext basicConstraints=critical,CA:FALSE
"$@"
