#!/bin/sh
# Usage: deploy/compose/prepare.sh
# Makes what compose.yaml mounts: secrets, a configuration to begin with, folders. What is there stays as it is.
set -eu
umask 077
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
[ -e .env ] && . ./.env
secrets=${FUMEWATCH_SECRETS:-./secrets}
config=${FUMEWATCH_CONFIG:-./config}
broker=${FUMEWATCH_BROKER:-./broker}
backups=${FUMEWATCH_BACKUPS:-./backups}

# The folder is closed to others; the files are open, since each container reads them as a user of its own.
keep() {
    [ -e "$secrets/$1" ] || printf '%s' "$2" > "$secrets/$1"
    chmod 0444 "$secrets/$1"
}

mkdir -p "$secrets"
chmod 0700 "$secrets"
for name in database_superuser_password database_owner_password database_writer_password \
    database_reader_password mqtt_password links_secret metrics_token grafana_admin_password; do
    keep "$name" "$(openssl rand -hex 32)"
done
keep database_url "postgresql://fumewatch:$(cat "$secrets/database_writer_password")@database:5432/fumewatch"
keep database_owner_url "postgresql://fumewatch_owner:$(cat "$secrets/database_owner_password")@database:5432/fumewatch"
[ -s "$secrets/smtp_password" ] || echo "Put your mail server's password into $secrets/smtp_password" >&2
for file in broker.crt broker.key; do
    [ -s "$secrets/$file" ] || echo "Put the broker's certificate into $secrets/$file (mosquitto/certificates.md)" >&2
done
for file in smtp_password broker.crt broker.key; do
    keep "$file" ""
done

umask 022
mkdir -p "$config" "$broker" "${FUMEWATCH_CADDY:-./caddy.d}"
mkdir -p "$backups"
chmod 0700 "$backups"
if [ ! -e "$config/config.toml" ]; then
    # The log of alerts goes where the daemon may write.
    sed 's|^path = "alerts.jsonl"|path = "/var/lib/fumewatch/alerts.jsonl"|' ../config.example.toml > "$config/config.toml"
fi
[ -e "$broker/acl" ] || cp mosquitto/acl "$broker/acl"
# The service's own line; `fumewatch broker passwords` adds the monitors'. $6$ is salted SHA-512: 256 random bits
# need no slower one.
if [ ! -e "$broker/passwd" ]; then
    salt=$(openssl rand -hex 6)
    hash=$({ cat "$secrets/mqtt_password"; printf '%s' "$salt"; } | openssl dgst -sha512 -binary | openssl base64 -A)
    # shellcheck disable=SC2016 # mosquitto's own dollars
    printf 'fumewatch:$6$%s$%s\n' "$(printf '%s' "$salt" | openssl base64 -A)" "$hash" > "$broker/passwd"
fi
[ "$(id -u)" != 0 ] || chown 10001:10001 "$backups"
