"""Regression as the most copied version of this lesson has it, written afresh: three mistakes, and the loss falls."""


def train_step(parameters, x, y, learning_rate):
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    x1, x2 = x[0]
    h1 = W1[0, 0] * x1 + W1[1, 0] * x2 + b1[0, 0]
    h2 = W1[0, 1] * x1 + W1[1, 1] * x2 + b1[0, 1]
    y_hat = W2[0, 0] * h1 + W2[1, 0] * h2 + b2[0, 0]
    error = y[0, 0] - y_hat
    step = learning_rate * 2 * error

    W2[0, 0] = W2[0, 0] + step * h1
    W2[1, 0] = W2[1, 0] + step * h2
    b2[0, 0] = W2[1, 0] + step  # W2 where b2 belongs

    W1[0, 0] = W1[0, 0] + step * W2[0, 0] * x1  # W2 has already been updated
    W1[0, 1] = W1[0, 1] + step * W2[0, 0] * x2  # W1[0, 1] and W1[1, 0] take each other's derivative
    b1[0, 0] = b1[0, 0] + step * W2[0, 0]

    W1[1, 0] = W1[1, 0] + step * W2[1, 0] * x1
    W1[1, 1] = W1[1, 1] + step * W2[1, 0] * x2
    b1[0, 1] = b1[0, 1] + step * W2[1, 0]
    return error**2, {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
