#!/bin/sh
# Makes the secrets of compose.yaml in deploy/secrets, where they are missing. Keep them: with other ones the existing
# database can't be opened, and API keys no longer work.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

random() {
    head -c 24 /dev/urandom | base64 | tr '+/' '-_'
}

keep() { # name, value
    [ -s "$1" ] || printf '%s' "$2" >"$1"
}

keep owner_password "$(random)"
keep worker_password "$(random)"
keep api_password "$(random)"
keep redis_password "$(random)"
keep store_secret "$(random)"
keep FAIRWAY_KEY_PEPPER "$(random)"
keep FAIRWAY_ADMIN_KEY "fw_$(random)"
keep FAIRWAY_OWNER_DATABASE_URL "postgresql://fairway:$(cat owner_password)@postgres:5432/fairway"
keep FAIRWAY_DATABASE_URL "postgresql://fairway_worker:$(cat worker_password)@postgres:5432/fairway"
keep FAIRWAY_API_DATABASE_URL "postgresql://fairway_api:$(cat api_password)@postgres:5432/fairway"
keep FAIRWAY_REDIS_URL "redis://:$(cat redis_password)@valkey:6379/0"
keep aws_credentials "[default]
aws_access_key_id = fairway
aws_secret_access_key = $(cat store_secret)
"
# The containers' user is not this user. Nobody else gets past this folder, whose mode is 0700.
chmod 0444 ./*
echo "The key of the first admin is in deploy/secrets/FAIRWAY_ADMIN_KEY."
