#!/bin/sh
# Usage: build.sh [folder]. Compiles the worker and the producer into a folder (default: bin).
# JARS is where the libraries are kept (default: ~/.cache/throughline/java). Those that are missing come from Maven Central.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
classes=${1:-$source/bin}
jars=${JARS:-$HOME/.cache/throughline/java}
mkdir -p "$jars" "$classes"
classpath=
while read -r sum path; do
  jar=$jars/${path##*/}
  if [ ! -f "$jar" ]; then curl -fsSL -o "$jar.part" "https://repo1.maven.org/maven2/$path" && mv "$jar.part" "$jar"; fi
  echo "$sum  $jar" | sha256sum --check --quiet
  classpath=$classpath:$jar
done <"$source/jars.sha256"
javac -d "$classes" -cp "$classpath" "$source"/*/*.java
printf '#!/bin/sh\nexec java -XX:+UseSerialGC -cp "%s" "$@"\n' "$classes$classpath" >"$classes/run"
chmod +x "$classes/run"
