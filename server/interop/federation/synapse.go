//go:build interop

package federation

// synapseConfig is Synapse's, as its documentation has it for a server behind a proxy, with SQLite; a server that was away is tried again at once, and
// nothing is limited. It takes name, port, folder, authorities and secret.
const synapseConfig = `
server_name: '%[1]s'
report_stats: false
pid_file: '%[3]s/pid'
log_config: '%[3]s/log.yaml'
signing_key_path: '%[3]s/signing.key'
media_store_path: '%[3]s/media'
public_baseurl: 'http://127.0.0.1:%[2]s/'
listeners:
  - {port: %[2]s, type: http, bind_addresses: ['127.0.0.1'], x_forwarded: true, resources: [{names: [client, federation]}]}
database: {name: sqlite3, args: {database: '%[3]s/homeserver.db'}}
registration_shared_secret: '%[5]s'
bcrypt_rounds: 4
macaroon_secret_key: interop
form_secret: interop
trusted_key_servers: []
federation_custom_ca_list: ['%[4]s']
federation_verify_certificates: true
ip_range_whitelist: ['127.0.0.0/8']
federation_ip_range_blacklist: []
allow_public_rooms_over_federation: true
room_list_publication_rules: [{action: allow}]
federation_rr_transactions_per_room_per_second: 1000
federation: {destination_min_retry_interval: 500, destination_retry_multiplier: 1, destination_max_retry_interval: 1s, max_long_retries: 1, max_short_retries: 1}
rc_federation: {window_size: 1000, sleep_limit: 100000, sleep_delay: 1, reject_limit: 100000, concurrent: 100}
rc_message: &fast {per_second: 10000, burst_count: 10000}
rc_registration: *fast
rc_admin_redaction: *fast
rc_login: {address: *fast, account: *fast, failed_attempts: *fast}
rc_joins: {local: *fast, remote: *fast}
rc_joins_per_room: *fast
rc_invites: {per_room: *fast, per_user: *fast, per_issuer: *fast}
rc_room_creation: *fast
rc_presence: {per_user: *fast}
rc_media_create: *fast
rc_federation_media: *fast
remote_media_download_burst_count: 1000M
remote_media_download_per_second: 1000M
`

const synapseLog = `
version: 1
formatters: {line: {format: '%(asctime)s %(levelname)s %(name)s %(request)s %(message)s'}}
handlers: {console: {class: logging.StreamHandler, formatter: line}}
root: {level: INFO, handlers: [console]}
disable_existing_loggers: false
`
