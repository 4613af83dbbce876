"""ONNX Runtime on a model and an input."""

import numpy
import onnxruntime


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


def begin(task):
    values = numpy.fromfile(task["input"], dtype="<f4").reshape(task["shape"])
    sessions = [session(task["model"], task["threads"], spinning) for spinning in task["spinning"]]

    def runs(session):
        return lambda: session.run(task["outputs"], {"input": values})

    runs = [runs(session) for session in sessions]
    with open(task["answer"], "wb") as file:
        for output in runs[0]():
            file.write(numpy.ascontiguousarray(output, dtype="<f4").tobytes())
    return runs, {"version": onnxruntime.__version__, "numpy": numpy.__version__}


serve(begin)
