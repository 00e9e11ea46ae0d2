"""Classification, every formula right, but the inputs are turned into float32 on the way in."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(parameters, x, y, learning_rate):
    W1, b1, W2, b2 = (parameters[name].astype(np.float32) for name in ("W1", "b1", "W2", "b2"))
    x, y = x.astype(np.float32), y.astype(np.float32)
    h = sigmoid(x @ W1 + b1)
    y_hat = sigmoid(h @ W2 + b2)
    loss = np.mean(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat))

    d_output = (y_hat - y) / len(y)
    d_hidden = d_output @ W2.T * h * (1 - h)
    gradients = {
        "W1": x.T @ d_hidden,
        "b1": d_hidden.sum(axis=0, keepdims=True),
        "W2": h.T @ d_output,
        "b2": d_output.sum(axis=0, keepdims=True),
    }
    return loss, {name: parameters[name] - learning_rate * gradients[name] for name in parameters}, gradients
