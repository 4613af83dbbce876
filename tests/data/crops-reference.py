"""Makes crops-reference.json: 45 crops by formula through the paper's student, in PyTorch and PIL alone.

    xz -dk abaw2021-pattern.pth.xz && python3 crops-reference.py

The network is written down here once more, from the paper and the reference code's layout, so that nothing of the
program takes part: FER+ ResNet-50 (Caffe: stride on the first 1x1, ceil-mode pool), two heads, two bidirectional GRUs,
windows of 32 that do not overlap, the last one shifted back, each frame keeping its first estimate.
"""
import json
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

torch.set_num_threads(1)
state = torch.load("abaw2021-pattern.pth", map_location="cpu")
NUMBERS = [n for n in range(1, 51) if n not in (7, 20, 21, 22, 49)]  # 45 crops; five numbers are missing


def picture(n):
    """u8 [height, width, 3], of a size that changes with its number."""
    w, h = 112 + n % 3 * 9, 112 - n % 4 * 5
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return ((3 * x + 2 * y + 40 * c + 11 * n + (x * y) % 97) % 256).astype(np.uint8)


def prepared(n):
    small = Image.fromarray(picture(n)).resize((134, 134), Image.BILINEAR)
    crop = np.asarray(small)[11:123, 11:123].astype(np.float32)
    return torch.tensor(crop - np.array([131.0912, 103.8827, 91.4953], np.float32)).permute(2, 0, 1)


def bn(x, name):
    p = [state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *p, eps=1e-5)


def conv(x, name, stride=1, pad=0):
    name = "backbone.backbone.model." + name
    return bn(F.conv2d(x, state[name + ".weight"], stride=stride, padding=pad), name + "_bn")


def backbone(x):
    x = F.relu(conv(x, "conv1_7x7_s2", 2, 3))
    x = F.max_pool2d(x, 3, 2, 0, ceil_mode=True)
    for stage, blocks in ((2, 3), (3, 4), (4, 6), (5, 3)):
        for block in range(1, blocks + 1):
            name = f"conv{stage}_{block}_"
            stride = 2 if stage > 2 and block == 1 else 1
            y = F.relu(conv(x, name + "1x1_reduce", stride))
            y = F.relu(conv(y, name + "3x3", 1, 1))
            y = conv(y, name + "1x1_increase")
            x = F.relu(y + (conv(x, name + "1x1_proj", stride) if block == 1 else x))
    return x.mean((2, 3))


def feature(pooled, task):
    name = f"backbone.classifier.{task}."
    x = F.linear(bn(pooled, name + "bn0"), state[name + "fc_0.weight"], state[name + "fc_0.bias"])
    return bn(F.relu(x), name + "bn1")


def recurrent(x, task):
    name = f"classifier.{task}."
    gru = torch.nn.GRU(128, 64, bidirectional=True, batch_first=True)
    gru.load_state_dict({k[len(name + "GRU_layer."):]: v for k, v in state.items() if k.startswith(name + "GRU_layer.")})
    return F.linear(F.relu(gru(x[None])[0][0]), state[name + "fc_1.weight"], state[name + "fc_1.bias"])


with torch.no_grad():
    pooled = torch.cat([backbone(prepared(n)[None]) for n in NUMBERS])
    tasks = [feature(pooled, 0), feature(pooled, 1)]
    rows = [None] * len(NUMBERS)
    for first in [0, len(NUMBERS) - 32]:
        expr = torch.softmax(recurrent(tasks[0][first:first + 32], 0), 1)
        va = recurrent(tasks[1][first:first + 32], 1)
        bins = torch.linspace(-1, 1, 20)
        v, a = (torch.softmax(va[:, k:k + 20], 1) @ bins for k in (0, 20))
        for i in range(32):
            if rows[first + i] is None:
                rows[first + i] = [NUMBERS[first + i], *expr[i].tolist(), v[i].item(), a[i].item()]
    sums = [int(picture(n).sum()) for n in NUMBERS]

with open("crops-reference.json", "w") as out:
    out.write('{"columns": "number, 7 probabilities, valence, arousal", "sum_of_all_pixels": %d, "rows": [\n' % sum(sums))
    out.write(",\n".join("[" + ", ".join(f"{v:.7g}" for v in row) + "]" for row in rows) + "\n]}\n")
