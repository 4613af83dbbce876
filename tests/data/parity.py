"""Ten steps of each of the four phases in PyTorch, on made data: the goldens of tests/parity.rs.

    python tests/data/parity.py > tests/data/parity.json      (PyTorch 2.15, f32, CPU)

Written from the paper's formulas (section 3) and the network's description; nothing of this program is used. Weights and
pictures are made by formula, so that both sides have the same without a file.
"""

import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
BATCH, STEPS, TEMPERATURE, LAMBDA = 16, 10, 1.5, 0.6
# So small that rounding does not grow into another run: at 1e-4 PyTorch's own f32 and f64 are a percent apart after ten
# steps, at this rate within 5e-4. That Adam steps as it should is seen from how far each tensor went.
CNN_RATE, GRU_RATE = 2e-6, 1e-4
TASKS = ["expression", "affect", "both"]


class Unit(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride, pad):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(x))


class Block(nn.Module):
    def __init__(self, c_in, width, stride, project):
        super().__init__()
        self.reduce = Unit(c_in, width, 1, stride, 0)
        self.spatial = Unit(width, width, 3, 1, 1)
        self.expand = Unit(width, 4 * width, 1, 1, 0)
        if project:
            self.project = Unit(c_in, 4 * width, 1, stride, 0)

    def forward(self, x):
        y = self.expand(F.relu(self.spatial(F.relu(self.reduce(x)))))
        return F.relu(y + (self.project(x) if hasattr(self, "project") else x))


class Backbone(nn.Module):
    def __init__(self, stem, widths, blocks):
        super().__init__()
        self.stem = Unit(1, stem, 7, 2, 3)
        channels, stages = stem, []
        for stage, (width, count) in enumerate(zip(widths, blocks)):
            stages.append(nn.ModuleList())
            for block in range(count):
                stages[-1].append(Block(channels, width, 2 if stage and not block else 1, block == 0))
                channels = 4 * width
        self.stages = nn.ModuleList(stages)
        self.pooled = channels

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 0, ceil_mode=True)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x.mean((2, 3))


class Head(nn.Module):
    def __init__(self, pooled, outputs):
        super().__init__()
        self.bn0, self.fc0 = nn.BatchNorm1d(pooled), nn.Linear(pooled, 128)
        self.bn1, self.fc1 = nn.BatchNorm1d(128), nn.Linear(128, outputs)

    def forward(self, x):
        feature = self.bn1(F.relu(self.fc0(self.bn0(x))))
        return feature, self.fc1(feature)


class Temporal(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.gru, self.fc = nn.GRU(128, 64, batch_first=True, bidirectional=True), nn.Linear(128, outputs)

    def forward(self, x):
        return self.fc(F.relu(self.gru(x)[0]))


class Student(nn.Module):
    def __init__(self, stem, widths, blocks):
        super().__init__()
        self.backbone = Backbone(stem, widths, blocks)
        outputs = {"expression": 7, "affect": 40}
        self.heads = nn.ModuleDict({k: Head(self.backbone.pooled, n) for k, n in outputs.items()})
        self.temporal = nn.ModuleDict({k: Temporal(n) for k, n in outputs.items()})

    def forward(self, x):
        pooled = self.backbone(x)
        return {k: head(pooled) for k, head in self.heads.items()}


def made(index):
    """Between -1 and 1, without a pattern that a network could mind."""
    return math.sin(index * 12.9898 + 78.233) * math.cos(index * 0.3171)


def begin(model, seed):
    """Every tensor by formula: `made(seed + 31 * place of its name + 7 * index)` over the root of what it is read from."""
    names = sorted(name for name, _ in model.named_parameters())
    with torch.no_grad():
        for name, p in model.named_parameters():
            place = names.index(name)
            flat = [made(seed + 31 * place + 7 * i) for i in range(p.numel())]
            values = torch.tensor(flat, dtype=torch.float32).reshape(p.shape)
            if "bn" in name:
                values = (1.0 if name.endswith("weight") else 0.0) + 0.1 * values
            else:
                values = values * math.sqrt(3.0 / max(p[0].numel(), 1))
            p.copy_(values)


def pictures(seed, count):
    """Grey levels by formula, `[count, 1, 112, 112]`."""
    rows = torch.arange(112).reshape(112, 1)
    columns = torch.arange(112).reshape(1, 112)
    all = []
    for n in range(count):
        k = seed + n
        down = ((k * 29 + rows * (1 + k % 4)) % 200 - 100).abs()
        across = ((k * 53 + columns * (1 + k % 3)) % 200 - 100).abs()
        level = (down * (k % 5) + across * (4 - k % 5)) // 4 + (k * 37) % 150
        all.append(level)
    return (torch.stack(all).unsqueeze(1).float() - 127.5) / 64


def labels(seed, count):
    expression = torch.tensor([(seed + 3 * n) % 7 for n in range(count)])
    affect = torch.tensor([[math.sin(seed + n), math.cos(0.7 * seed - n)] for n in range(count)], dtype=torch.float32)
    return expression, affect


def affect_loss(logits, labels):
    bins = ((labels + 1) / 2 * 20).floor().clamp(0, 19).long()
    said = (F.softmax(logits, 1) * torch.linspace(-1, 1, 20)).sum(1)
    covariance = ((said - said.mean()) * (labels - labels.mean())).sum() / (len(labels) - 1)
    ccc = 2 * covariance / (said.var() + labels.var() + (said.mean() - labels.mean()) ** 2 + 1e-8)
    return F.cross_entropy(logits, bins) + 1 - ccc


def distillation(student, teacher):
    a, b = F.log_softmax(student / TEMPERATURE, 1), F.log_softmax(teacher / TEMPERATURE, 1)
    return (b.exp() * (b - a)).sum(1).mean() * TEMPERATURE**2


def loss(task, expression, affect, targets, taught):
    logits = [expression, affect[:, :20], affect[:, 20:]]
    supervision = [None, None, None]
    if task != "affect":
        supervision[0] = F.cross_entropy(expression, targets[0])
    if task != "expression":
        for d in (0, 1):
            supervision[1 + d] = affect_loss(logits[1 + d], targets[1][:, d])
    if taught is None:
        return sum(s for s in supervision if s is not None)
    theirs = [taught[0], taught[1][:, :20], taught[1][:, 20:]]
    total = 0
    for mine, other, s in zip(logits, theirs, supervision):
        d = distillation(mine, other)
        total = total + (d if s is None else LAMBDA * s + (1 - LAMBDA) * d)
    return total


def cnn(model, seed, teacher):
    parameters = [p for n, p in model.named_parameters() if not n.startswith("temporal")]
    optimiser = torch.optim.Adam(parameters, CNN_RATE, (0.5, 0.999))
    model.train()
    losses = []
    for step in range(STEPS):
        total = 0
        for t, task in enumerate(TASKS):
            k = seed + 100 * step + 10 * t
            x = pictures(k, BATCH)
            taught = None
            if teacher is not None:
                with torch.no_grad():
                    said = teacher(x)
                taught = said["expression"][1], said["affect"][1]
            said = model(x)
            total = total + loss(task, said["expression"][1], said["affect"][1], labels(k, BATCH), taught)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(total.item())
    model.eval()
    return losses


def features(model, seed):
    """Two windows of 32 pictures."""
    with torch.no_grad():
        said = model(pictures(seed, 64))
    return {k: feature.reshape(2, 32, 128) for k, (feature, _) in said.items()}


def gru(model, seed, teacher):
    optimiser = torch.optim.Adam(model.temporal.parameters(), GRU_RATE, (0.5, 0.999))
    losses = []
    for step in range(STEPS):
        k = seed + 7 * step
        taught = None
        if teacher is not None:
            theirs = features(teacher, k)
            with torch.no_grad():
                taught = [teacher.temporal[h](theirs[h]).flatten(0, 1) for h in ("expression", "affect")]
        mine = features(model, k)
        said = [model.temporal[h](mine[h]).flatten(0, 1) for h in ("expression", "affect")]
        total = loss("both", said[0], said[1], labels(k, 64), taught)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(total.item())
    return losses


def main():
    teacher = Student(8, [8, 8, 8, 16], [1, 2, 1, 1])
    student = Student(8, [4, 8, 8, 8], [1, 1, 1, 1])
    begin(teacher, 1)
    begin(student, 2)
    began = {who: {n: p.clone() for n, p in m.state_dict().items()} for who, m in (("teacher", teacher), ("student", student))}
    answer = {"torch": torch.__version__}
    answer["teacher-cnn"] = cnn(teacher, 1000, None)
    answer["teacher-gru"] = gru(teacher, 3000, None)
    answer["student-cnn"] = cnn(student, 2000, teacher)
    answer["student-gru"] = gru(student, 4000, teacher)
    # The sum of what each tensor changed by, and of its sizes.
    sums = {}
    for who, model in (("teacher", teacher), ("student", student)):
        for name, p in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                change = (p - began[who][name]).double()
                sums[f"{who}.{name}"] = [change.sum().item(), change.abs().sum().item()]
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in answer.items() if key != "changes"]
    rows = [f"  {json.dumps(key)}: {json.dumps([float(f'{v:.9g}') for v in value])}" for key, value in sums.items()]
    print("{\n" + ",\n".join(lines) + ',\n "changes": {\n' + ",\n".join(rows) + "\n }\n}")


main()
