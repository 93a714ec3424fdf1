#!/usr/bin/env bash
# Restores the streams of a folder that `nats backup account` has filled. After an error or a break, run it again.
#   restore.sh /var/backups/throughline
# NATS_URL, NATS_USER and so on say how nats-server is reached. The user must be allowed everything.
#
# After a restore that broke off, nats-server has the name of the stream, but no stream. It refuses to restore this stream, and
# makes an empty one when it starts the next time. So a stream counts as restored only if it is the one of the backup.
# It can also have the messages without the consumers of the worker groups. Workers make them again, but then NATS counts
# deliveries from 1. So such a stream is restored again while it has exactly the messages of the backup.
set -euo pipefail
shopt -s inherit_errexit

: "${1:?which folder? Name it: restore.sh /var/backups/throughline}"
# Without a slash at its end: the folder for streams that are moved away has this name and an ending.
folder=${1%/}
# nats-server ends a restore that broke off after 5 s. Before 2.15 it can then also delete the stream that has come in its place.
pause_s=10

# Prints the first value of this name in a text of JSON.
value() {
  [[ $2 =~ \"$1\":\ *\"?([^,\"}]*) ]]
  printf '%s' "${BASH_REMATCH[1]}"
}

# The same of a time, without parts of a second.
seconds() {
  local time
  time=$(value "$1" "$2")
  printf '%s' "${time:0:19}"
}

ask() {
  nats request --raw "\$JS.API.STREAM.$1.$2" ''
}

# Whether a work queue has fewer consumers than its backup. Other streams also have consumers that end with their readers.
lacks_consumers() {
  [[ $(value retention "$1") == workqueue ]] && (($(value consumer_count "$2") < $(value consumer_count "$1")))
}

# Prints what there is of a stream: nothing, empty, partial, which is all but consumers, restored, or other, which is
# messages that are not those of the backup.
look() {
  local backup info last first_there last_there messages
  backup=$(<"$folder/$1/backup.json")
  info=$(ask INFO "$1")
  if [[ $info == *'"err_code":10059'* ]]; then
    echo nothing
    return
  fi
  if [[ $info != *'"state":'* ]]; then
    echo "nats-server does not say what it has of the stream $1: ${info:-no answer}" >&2
    return 1
  fi
  last=$(value last_seq "$backup")
  last_there=$(value last_seq "$info")
  first_there=$(value first_seq "$info")
  messages=$(value messages "$info")
  # The numbers stay when messages go. A message that has a number of the backup is not younger than the backup.
  if ((last_there >= last)) &&
    { ((first_there > last)) || [[ ! $(seconds first_ts "$info") > $(seconds last_ts "$backup") ]]; }; then
    if ((last_there == last && messages == $(value messages "$backup"))) && lacks_consumers "$backup" "$info"; then
      echo partial
    else
      echo restored
    fi
  elif ((messages == 0)); then
    echo empty
  else
    echo other
  fi
}

restore() {
  local there try backup aside
  for try in 1 2 3; do
    there=$(look "$1")
    if [[ $there == restored ]]; then
      echo "The stream $1 is there."
      return
    fi
    if [[ $there == other ]]; then
      {
        # The commands can be copied, whatever the name of the folder.
        backup=$(printf '%q' "$folder/$1")
        aside=$(printf '%q' "$folder-$1")
        echo "The stream $1 has messages that are not those of the backup. It stays as it is. Choose, then run this again:"
        echo "- Keep it, and leave out its backup: mv $backup $aside"
        echo "- Keep a copy of it, and take the backup: nats backup stream --consumers $1 $aside && nats stream rm --force $1"
      } >&2
      return 1
    fi
    if [[ $there == empty || $there == partial || $try != 1 ]]; then ask DELETE "$1"; fi
    # With one copy there is the whole stream or nothing of it. `throughline setup` gives it more.
    if nats backup restore stream --replicas 1 "$folder/$1"; then return; fi
    echo "The stream $1 is not restored. nats-server needs $pause_s s to forget this try." >&2
    sleep "$pause_s"
  done
  return 1
}

streams=()
for backup in "$folder"/*/backup.json; do
  if [[ -e $backup ]]; then streams+=("$(basename "$(dirname "$backup")")"); fi
done
if ((${#streams[@]} == 0)); then
  echo "There is no backup in $folder." >&2
  exit 1
fi

for stream in "${streams[@]}"; do restore "$stream"; done
for stream in "${streams[@]}"; do
  # A cluster says that a stream is restored a moment before its consumers are there.
  for ((waited_s = 0; waited_s < pause_s; waited_s++)); do
    there=$(look "$stream")
    if [[ $there != partial ]]; then break; fi
    sleep 1
  done
  if [[ $there != restored ]]; then
    echo "The stream $stream was restored, but is gone again, or lacks consumers. Run this again." >&2
    exit 1
  fi
done
