"""Writes the names of a release of OpenTelemetry's semantic conventions to conventions.json.

    git clone https://github.com/open-telemetry/semantic-conventions
    python make.py semantic-conventions v1.44.0
"""

import json
import subprocess
import sys
from pathlib import Path

import yaml

repository, tag = sys.argv[1:]


def git(*arguments):
    return subprocess.check_output(["git", "-C", repository, *arguments], text=True)


def described(found, more):
    """What the check reads of a name. A deprecated one says why."""
    deprecated = found.get("deprecated")
    if deprecated is None:
        return more
    if isinstance(deprecated, dict):
        deprecated = deprecated.get("renamed_to") or deprecated.get("note") or deprecated.get("reason")
    return {**more, "deprecated": " ".join(str(deprecated).split())}


def type_of(attribute):
    kind = attribute["type"]
    if not isinstance(kind, dict):
        return kind
    values = [member["value"] for member in kind["members"]]
    return "int" if all(isinstance(value, int) for value in values) else "string"


attributes, metrics = {}, {}
for path in git("ls-tree", "-r", "--name-only", tag, "model").split():
    if not path.endswith((".yaml", ".yml")):
        continue
    model = yaml.safe_load(git("show", f"{tag}:{path}"))
    # Files of the second format list attributes and metrics apart; those of the first one have groups.
    groups = model.get("groups") or []
    for holder in [*groups, model]:
        for attribute in holder.get("attributes") or []:
            name = attribute.get("id") or attribute.get("key")
            if name is not None:
                attributes[name] = described(attribute, {"type": type_of(attribute)})
    for metric in [group for group in groups if group.get("type") == "metric"] + (model.get("metrics") or []):
        name = metric.get("metric_name") or metric["name"]
        metrics[name] = described(metric, {"instrument": metric["instrument"], "unit": metric["unit"]})

text = json.dumps(
    {
        "version": tag.removeprefix("v"),
        "attributes": dict(sorted(attributes.items())),
        "metrics": dict(sorted(metrics.items())),
    }
)
(Path(__file__).parent / "conventions.json").write_text(text)
