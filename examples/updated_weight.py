"""Classification with the most widespread mistake: W2 is updated first, and the hidden layer's derivative uses it."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(parameters, x, y, learning_rate):
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    h = sigmoid(x @ W1 + b1)
    y_hat = sigmoid(h @ W2 + b2)
    loss = np.mean(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat))

    d_output = (y_hat - y) / len(y)
    W2 = W2 - learning_rate * h.T @ d_output
    b2 = b2 - learning_rate * d_output.sum(axis=0, keepdims=True)

    d_hidden = d_output @ W2.T * h * (1 - h)  # this W2 is the new one
    W1 = W1 - learning_rate * x.T @ d_hidden
    b1 = b1 - learning_rate * d_hidden.sum(axis=0, keepdims=True)
    return loss, {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
