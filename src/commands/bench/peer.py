"""The peer's side of `affectscope bench --peer onnxruntime`: a line of JSON in, a line of JSON out."""

import json
import sys
import time


def answer(**fields):
    print(json.dumps(fields), flush=True)


try:
    import numpy
    import onnxruntime
except ImportError as error:
    answer(missing=str(error))
    sys.exit(0)


def session(model, threads, spinning):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Its workers may wait busily within a run, as they do by default, and never between its turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def main():
    line = sys.stdin.readline()
    if not line:
        return
    task = json.loads(line)
    shape = task["shape"]
    values = numpy.fromfile(task["input"], dtype="<f4").reshape(shape)
    sessions = [session(task["model"], task["threads"], spinning) for spinning in task["spinning"]]
    outputs = sessions[0].run(task["outputs"], {"input": values})
    with open(task["answer"], "wb") as file:
        for output in outputs:
            file.write(numpy.ascontiguousarray(output, dtype="<f4").tobytes())
    answer(version=onnxruntime.__version__, numpy=numpy.__version__)
    resting_cpu, resting = time.process_time(), time.perf_counter()
    for line in sys.stdin:
        turn = json.loads(line)
        idle_cpu, idle = time.process_time() - resting_cpu, time.perf_counter() - resting
        run = sessions[turn["session"]].run
        start = time.perf_counter()
        for _ in range(turn["calls"]):
            run(task["outputs"], {"input": values})
        elapsed = time.perf_counter() - start
        resting_cpu, resting = time.process_time(), time.perf_counter()
        answer(ms=elapsed * 1e3 / turn["calls"], idle_cpu_ms=idle_cpu * 1e3, idle_ms=idle * 1e3)


try:
    main()
except Exception as error:  # the other side puts it into words
    answer(failed=f"{type(error).__name__}: {error}")
