#!/usr/bin/env bash
# Backs up all streams, with their consumers, into a folder that restore.sh takes. After an error or a break, run it again.
#   backup.sh /var/backups/throughline
# NATS_URL, NATS_USER and so on say how nats-server is reached. The user must be allowed everything.
#
# The backup that is in the folder stays there until the new one is complete.
set -euo pipefail
umask 077

: "${1:?which folder? Name it: backup.sh /var/backups/throughline}"
# A slash at the end would put the new backup into the old one.
folder=${1%/}
part=$folder.part
old=$folder.old

rm -rf "$part"
nats backup account --force --consumers "$part"

# With --force, a stream that nats-server has but cannot serve is left out without an error.
streams=$(nats stream ls --names --all)
for stream in $streams; do
  if [[ ! -s $part/$stream/backup.json ]]; then
    echo "The stream $stream is not in the backup: nats-server cannot serve it now." >&2
    exit 1
  fi
done

# If this breaks off between two steps, what is at `$old` is whole.
if [[ -e $folder ]]; then
  rm -rf "$old"
  mv "$folder" "$old"
fi
mv "$part" "$folder"
rm -rf "$old"
