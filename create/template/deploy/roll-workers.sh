#!/usr/bin/env bash
# Puts a commit on each worker host, one after the other, and waits until its worker takes jobs again.
# usage: WORKER_HOSTS="deploy@worker-1 deploy@worker-2" deploy/roll-workers.sh <commit>
# Each host has a clone in /opt/{{name}}, and the user may run `sudo systemctl restart {{name}}-worker`.
set -euo pipefail
commit=${1:?"usage: deploy/roll-workers.sh <commit>"}
for host in ${WORKER_HOSTS:?"WORKER_HOSTS names no host"}; do
  echo "$host: $commit"
  ssh "$host" bash -seu <<REMOTE
# In braces, so that bash reads all of it before a program can read what is left of its input.
{
cd /opt/{{name}}
git fetch --quiet origin
git checkout --quiet --detach "$commit"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund
sudo systemctl restart {{name}}-worker
for second in \$(seq 60); do
  curl --fail --silent --max-time 2 http://127.0.0.1:8081/readyz >/dev/null && exit 0
  sleep 1
done
echo "the worker is not ready after 60 s: journalctl -u {{name}}-worker" >&2
exit 1
}
REMOTE
done
