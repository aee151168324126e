# Runs inside the new system: no cluster of its own, and without the compiler that PostgreSQL can do without.
set -eu
rm -rf /var/lib/postgresql/* /etc/postgresql/*
ln -s "$(cd /usr/lib/postgresql && ls | sort -V | tail -n 1)" /usr/lib/postgresql/current
rm -rf /usr/lib/postgresql/current/lib/bitcode /usr/lib/postgresql/current/lib/llvmjit* /usr/lib/*/libLLVM* /usr/lib/llvm*
mkdir -p /var/lib/postgresql/data /run/postgresql /docker-entrypoint-initdb.d
chown -R postgres:postgres /var/lib/postgresql /run/postgresql
