"""The peer's side of `affectscope bench --peer`: a line of JSON in, a line of JSON out. The runtime's own part follows."""

import json
import sys
import time


def answer(**fields):
    print(json.dumps(fields), flush=True)


def told(kind, error, _):
    """The other side puts it into words."""
    if issubclass(kind, ImportError):
        answer(missing=str(error))
    elif issubclass(kind, Exception):
        answer(failed=f"{kind.__name__}: {error}")


sys.excepthook = told


def serve(begin):
    """`begin(task)` gives a function for each session, and the versions."""
    line = sys.stdin.readline()
    if not line:
        return
    sessions, versions = begin(json.loads(line))
    answer(**versions)
    resting_cpu, resting = time.process_time(), time.perf_counter()
    for line in sys.stdin:
        turn = json.loads(line)
        idle_cpu, idle = time.process_time() - resting_cpu, time.perf_counter() - resting
        run = sessions[turn["session"]]
        start = time.perf_counter()
        for _ in range(turn["calls"]):
            run()
        elapsed = time.perf_counter() - start
        resting_cpu, resting = time.process_time(), time.perf_counter()
        answer(ms=elapsed * 1e3 / turn["calls"], idle_cpu_ms=idle_cpu * 1e3, idle_ms=idle * 1e3)


