"""Runs the W3C's suite against a service: `run_suite.py <folder of the suite> <url of the service> <free port>`.

The last line of its output is JSON: how many cases ran, which were skipped, and the trace of each that failed.
"""

import json
import os
import sys
import unittest

folder, endpoint, port = sys.argv[1:]
TIMEOUT_S = 20

os.environ |= {"SERVICE_ENDPOINT": endpoint, "SPEC_LEVEL": "2", "STRICT_LEVEL": "2"}
sys.path.insert(0, folder)
import test as suite  # noqa: E402

# The suite makes its own two only if there are none, on a fixed port.
suite.client = suite.TestClient(host="127.0.0.1", port=int(port), timeout=TIMEOUT_S + 1)
suite.server = suite.TestServer(host="127.0.0.1", port=int(port), timeout=TIMEOUT_S)

result = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromModule(suite).run(result)
report = {
    "ran": result.testsRun,
    "skipped": [case.id().split(".")[-1] for case, _ in result.skipped],
    "faults": {case.id().split(".")[-1]: trace for case, trace in result.failures + result.errors},
}
print(json.dumps(report))
