#!/bin/sh
# Usage: build.sh [folder]. Compiles the worker and the producer into a folder (default: bin).
# JARS is where the libraries are kept (default: ~/.cache/throughline/java). Maven fetches those that are missing.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
classes=${1:-$source/bin}
jars=${JARS:-$HOME/.cache/throughline/java}
mkdir -p "$jars" "$classes"
classpath=
while read -r sum path; do
  jar=$jars/${path##*/}
  if [ ! -f "$jar" ]; then
    place=${path%/*}
    group=$(dirname "${place%/*}" | tr / .)
    artifact=$group:$(basename "${place%/*}"):$(basename "$place")
    mvn --quiet --batch-mode dependency:copy -Dartifact="$artifact" -DoutputDirectory="$jars" </dev/null
  fi
  echo "$sum  $jar" | sha256sum --check --quiet
  classpath=$classpath:$jar
done <"$source/jars.sha256"
javac -d "$classes" -cp "$classpath" "$source"/*/*.java
printf '#!/bin/sh\nexec java -XX:+UseSerialGC -cp "%s" "$@"\n' "$classes$classpath" >"$classes/run"
chmod +x "$classes/run"
