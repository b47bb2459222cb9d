#!/bin/sh
# Starts Beffroi for a black-box suite, as that suite's contract asks: SERVER_NAME, BIND_IP, CS_PORT, FED_PORT, DATA_DIR,
# TLS_CRT, TLS_KEY, CA_CRT, APPSERVICE_DIR and REGISTRATION_SHARED_SECRET come from the environment, BEFFROI may name the binary and ROOM_VERSION what rooms are
# made with. What a suite needs weakens security, and the server says so at the start: never use this for a town hall.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
config=$DATA_DIR/beffroi.toml
private='127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7'
appservices=
for file in "${APPSERVICE_DIR:-$DATA_DIR}"/*.yaml; do
	[ -e "$file" ] && appservices="$appservices'$file', "
done
cat >"$config" <<TOML
server_name = '$SERVER_NAME'
public_url = 'http://$BIND_IP:$CS_PORT'
data_dir = '$DATA_DIR'
appservices = [$appservices]

[listen]
http = '$BIND_IP:$CS_PORT'
tls = '$BIND_IP:$FED_PORT'
tls_certificate = '$TLS_CRT'
tls_key = '$TLS_KEY'

[registration]
enabled = true
allow_dummy = true
shared_secret = '$REGISTRATION_SHARED_SECRET'

[password]
memory_kib = 8
iterations = 1

[media]
unauthenticated = true

[presence]
enabled = true

[rooms]
custodian = '_server'
custody = false
default_version = '${ROOM_VERSION:-11}'

[federation]
enabled = true
allow = '$private'
authorities = '${CA_CRT:-}'
presence = true
device_names = true
longest_pause = 10

[push]
allow = '$private'
authorities = '${CA_CRT:-}'

[previews]
enabled = true
allow = '$private'
ports = '0'

[directory]
everybody = false

[limits]
enabled = false
TOML
exec "${BEFFROI:-$here/../../beffroi}" serve --config "$config"
