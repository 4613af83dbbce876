"""What the built-in student gives for a made input, in PyTorch: the goldens of tests/golden.rs.

    python tests/data/student-thin.samples.py weights/student-thin.safetensors > tests/data/student-thin.samples.json

(PyTorch 2.15, f32, CPU; nothing of this program is used.)
"""

import json
import struct
import sys

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
with open(sys.argv[1], "rb") as file:
    size = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(size))
    data = file.read()
config = json.loads(header.pop("__metadata__")["config"])
W = {
    name: torch.frombuffer(bytearray(data[slice(*entry["data_offsets"])]), dtype=torch.float32).reshape(entry["shape"])
    for name, entry in header.items()
}
backbone, heat, plus = config["backbone"], config.get("temperatures", {}), config.get("offsets", {})


def norm(x, name):
    running = [W[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *running, training=False, eps=1e-5)


def unit(x, name, stride=1, pad=0):
    return norm(F.conv2d(x, W[f"{name}.conv.weight"], None, stride, pad), f"{name}.bn")


def pooled(x):
    x = F.max_pool2d(F.relu(unit(x, "backbone.stem", 2, 3)), 3, 2, 0, ceil_mode=True)
    for stage, count in enumerate(backbone["blocks"]):
        for block in range(count):
            name, stride = f"backbone.stages.{stage}.{block}", 2 if stage and not block else 1
            y = F.relu(unit(x, f"{name}.reduce", stride))
            y = unit(F.relu(unit(y, f"{name}.spatial", 1, 1)), f"{name}.expand")
            x = F.relu(y + (unit(x, f"{name}.project", stride) if block == 0 else x))
    return x.mean((2, 3))


def softened(logits, task, prefix):
    if task == "expression":
        offsets = torch.tensor(plus.get(f"{prefix}expression", [0.0] * 7))
        return (logits + offsets) / heat.get(f"{prefix}expression", 1.0)
    return torch.cat([logits[..., :20] / heat.get(f"{prefix}valence", 1.0), logits[..., 20:] / heat.get(f"{prefix}arousal", 1.0)], -1)


def head(x, task):
    linear = lambda x, name: F.linear(x, W[f"heads.{task}.{name}.weight"], W[f"heads.{task}.{name}.bias"])
    feature = norm(F.relu(linear(norm(x, f"heads.{task}.bn0"), "fc0")), f"heads.{task}.bn1")
    return feature, softened(linear(feature, "fc1"), task, "")


def recurrent(feature, task):
    gru = torch.nn.GRU(128, 64, batch_first=True, bidirectional=True)
    ours = {
        f"{part}_l0{end}": W[f"temporal.{task}.gru.{part}{end}"]
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for end in ("", "_reverse")
    }
    gru.load_state_dict(ours)
    logits = F.linear(F.relu(gru(feature[None])[0][0]), W[f"temporal.{task}.fc.weight"], W[f"temporal.{task}.fc.bias"])
    return softened(logits, task, "temporal_")


with torch.no_grad():
    t, y, x = torch.meshgrid(torch.arange(32), torch.arange(112), torch.arange(112), indexing="ij")
    pixels = (7 * x + 13 * y + 29 * t + (x * y) % 97) % 256
    features = pooled((pixels[:, None].float() - backbone["mean"]) / backbone["scale"])
    (e_feature, e_logits), (a_feature, a_logits) = head(features, "expression"), head(features, "affect")
    e_gru, a_gru = recurrent(e_feature, "expression"), recurrent(a_feature, "affect")
    places = torch.linspace(-1, 1, 20)
    affect = torch.stack([(F.softmax(a_gru[:, i : i + 20], 1) * places).sum(1) for i in (0, 20)], 1)

rounded = lambda values: json.loads(json.dumps(values.tolist()), parse_float=lambda text: round(float(text), 6))
answer = {
    "input": "pixel[t][y][x] = (7x + 13y + 29t + (x*y mod 97)) mod 256, 32 frames 112x112, grey; then (v - 127.5) / 64",
    "pixel_sum": float(pixels.sum()),
    "pooled_first8": rounded(features[:, :8]),
    "cnn_expression_logits": rounded(e_logits),
    "cnn_affect_logits_frame0": rounded(a_logits[0]),
    "gru_expression_logits": rounded(e_gru),
    "gru_expression_probabilities": rounded(F.softmax(e_gru, 1)),
    "gru_valence_arousal": rounded(affect),
}
print(json.dumps(answer))
