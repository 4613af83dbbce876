"""PyTorch training the same network on the same batch: forward, backward, Adam."""

import array

import torch
import torch.nn as nn
import torch.nn.functional as F


class Unit(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride, pad):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(x))


class Block(nn.Module):
    def __init__(self, c_in, width, expansion, stride, project):
        super().__init__()
        self.reduce = Unit(c_in, width, 1, stride, 0)
        self.spatial = Unit(width, width, 3, 1, 1)
        self.expand = Unit(width, expansion * width, 1, 1, 0)
        self.project = Unit(c_in, expansion * width, 1, stride, 0) if project else nn.Identity()

    def forward(self, x):
        y = F.relu(self.reduce(x), inplace=True)
        y = F.relu(self.spatial(y), inplace=True)
        return F.relu(self.expand(y) + self.project(x), inplace=True)


class Backbone(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.stem = Unit(shape["input"][0], shape["stem"], 7, 2, 3)
        channels, stages = shape["stem"], []
        for stage, (width, count) in enumerate(zip(shape["widths"], shape["blocks"])):
            stages.append(nn.ModuleList())
            for block in range(count):
                stride = 2 if stage and not block else 1
                stages[-1].append(Block(channels, width, shape["expansion"], stride, block == 0))
                channels = shape["expansion"] * width
        self.stages = nn.ModuleList(stages)
        self.pooled = channels

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x), inplace=True), 3, 2, 0, ceil_mode=True)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x.mean((2, 3))


class Head(nn.Module):
    def __init__(self, pooled, hidden, outputs):
        super().__init__()
        self.bn0, self.fc0 = nn.BatchNorm1d(pooled), nn.Linear(pooled, hidden)
        self.bn1, self.fc1 = nn.BatchNorm1d(hidden), nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.fc1(self.bn1(F.relu(self.fc0(self.bn0(x)))))


class Network(nn.Module):
    def __init__(self, backbone, heads):
        super().__init__()
        self.backbone = Backbone(backbone)
        outputs = {name: heads[name] for name in ("expression", "affect")}
        hidden, pooled = heads["hidden"], self.backbone.pooled
        self.heads = nn.ModuleDict({name: Head(pooled, hidden, n) for name, n in outputs.items()})

    def forward(self, x):
        pooled = self.backbone(x)
        return self.heads["expression"](pooled), self.heads["affect"](pooled)


def affect_loss(logits, labels):
    count = logits.shape[1]
    bins = ((labels + 1) / 2 * count).floor().clamp(0, count - 1).long()
    said = (F.softmax(logits, 1) * torch.linspace(-1, 1, count)).sum(1)
    covariance = ((said - said.mean()) * (labels - labels.mean())).sum() / (len(labels) - 1)
    ccc = 2 * covariance / (said.var() + labels.var() + (said.mean() - labels.mean()) ** 2 + 1e-8)
    return F.cross_entropy(logits, bins) + 1 - ccc


def channels_last(tensor):
    """With the strides of channels last even where a size of 1 leaves them open, which would say plain NCHW."""
    return torch.empty(tensor.shape, memory_format=torch.channels_last).copy_(tensor)


class Training:
    def __init__(self, task, values, x, last):
        self.network = Network(task["backbone"], task["heads"])
        state, place = {}, 0
        for name, shape in task["tensors"]:
            tensor = values[place:].narrow(0, 0, torch.Size(shape).numel()).reshape(shape)
            state[name], place = tensor.clone(), place + tensor.numel()
        counted = {name for name in self.network.state_dict() if name.endswith("num_batches_tracked")}
        missing, surplus = self.network.load_state_dict(state, strict=False)
        if set(missing) - counted or surplus:
            raise ValueError(f"it is another network here: {missing} are missing, {surplus} are surplus")
        self.x = channels_last(x) if last else x
        if last:
            for p in self.network.parameters():
                if p.dim() == 4:
                    p.data = channels_last(p.data)
        adam = {"lr": task["rate"], "betas": task["betas"], "eps": task["epsilon"]}
        try:
            # One pass over all values: the fastest that it has.
            self.adam = torch.optim.Adam(self.network.parameters(), **adam, fused=True)
        except (RuntimeError, TypeError):
            self.adam = torch.optim.Adam(self.network.parameters(), **adam)
        self.expression = torch.tensor(task["expression"])
        self.affect = torch.tensor(task["affect"], dtype=torch.float32)
        self.network.train()

    def slopes(self):
        expression, affect = self.network(self.x)
        half = affect.shape[1] // 2
        loss = F.cross_entropy(expression, self.expression)
        for d, logits in enumerate((affect[:, :half], affect[:, half:])):
            loss = loss + affect_loss(logits, self.affect[:, d])
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        return loss

    def step(self):
        self.slopes()
        self.adam.step()


def begin(task):
    torch.set_num_threads(task["threads"])
    torch.set_num_interop_threads(1)
    with open(task["values"], "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    with open(task["pixels"], "rb") as file:
        pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    channels, height, width = task["backbone"]["input"]
    x = pixels.reshape(-1, height, width, channels).float()  # [B, H, W, C]
    x = (x - torch.tensor(task["means"])) / task["backbone"]["scale"]
    x = x.permute(0, 3, 1, 2).contiguous()  # [B, C, H, W]
    sessions = [Training(task, values, x, last) for last in task["channels_last"]]
    first = sessions[0]
    said = [first.slopes().detach().reshape(1)]
    parameters = dict(first.network.named_parameters())
    said += [parameters[name].grad.contiguous().reshape(-1) for name, _ in task["tensors"] if name in parameters]
    with open(task["answer"], "wb") as file:
        array.array("f", torch.cat(said).tolist()).tofile(file)
    return [session.step for session in sessions], {"version": torch.__version__}


serve(begin)
