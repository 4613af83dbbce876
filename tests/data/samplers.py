"""Golden weights of the samplers, by numpy: python3 samplers.py > samplers.json

EXPR: 1 / (count of the class). VA: 1 / (count of the cell of numpy.histogram2d, bins=20). EXPR_VA: their sum, scaled to a
maximum of 1. Labels as float32, the histogram in float64.
"""

import json

import numpy as np

rng = np.random.default_rng(6)
count = 400
expression = rng.choice(7, size=count, p=[0.45, 0.03, 0.02, 0.05, 0.3, 0.1, 0.05])
affect = np.clip(rng.normal([0.2, 0.1], [0.4, 0.3], size=(count, 2)), -1, 1).astype(np.float32)
affect[:4] = [[-0.9, 0.9], [1.0, -0.6], [1.0, 1.0], [0.0, 0.0]]
# On cells' edges as far as float32 has them.
affect[4:24, 0] = np.linspace(-0.9, 1.0, 20, dtype=np.float32)
va = affect.astype(np.float64)

expr_weight = 1 / np.bincount(expression, minlength=7)[expression]
cells, v_edges, a_edges = np.histogram2d(va[:, 0], va[:, 1], bins=20)


def place(values, edges):
    return np.where(values == edges[-1], len(edges) - 2, np.searchsorted(edges, values, side="right") - 1)


va_count = cells[place(va[:, 0], v_edges), place(va[:, 1], a_edges)]
assert (va_count >= 1).all() and cells.sum() == count
va_weight = 1 / va_count
joint = expr_weight + va_weight
print(json.dumps({
    "made_by": f"numpy {np.__version__}",
    "expression": expression.tolist(),
    "affect": [[float(v), float(a)] for v, a in affect],
    "expression_weights": expr_weight.tolist(),
    "affect_weights": va_weight.tolist(),
    "joint_weights": (joint / joint.max()).tolist(),
}))
