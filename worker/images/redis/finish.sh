# Runs inside the new system.
set -eu
mkdir -p /data
chown redis:redis /data
