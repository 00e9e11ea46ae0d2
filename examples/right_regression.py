"""Regression, right: the nine derivatives one by one, and nothing is changed before all are there."""


def train_step(parameters, x, y, learning_rate):
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    x1, x2 = x[0]
    h1 = W1[0, 0] * x1 + W1[1, 0] * x2 + b1[0, 0]
    h2 = W1[0, 1] * x1 + W1[1, 1] * x2 + b1[0, 1]
    y_hat = W2[0, 0] * h1 + W2[1, 0] * h2 + b2[0, 0]
    error = y_hat - y[0, 0]

    d_y_hat = 2 * error
    d_h1, d_h2 = d_y_hat * W2[0, 0], d_y_hat * W2[1, 0]
    gradients = {
        "W1": [[d_h1 * x1, d_h2 * x1], [d_h1 * x2, d_h2 * x2]],
        "b1": [[d_h1, d_h2]],
        "W2": [[d_y_hat * h1], [d_y_hat * h2]],
        "b2": [[d_y_hat]],
    }
    for name in parameters:
        for i, row in enumerate(gradients[name]):
            for j, derivative in enumerate(row):
                parameters[name][i, j] -= learning_rate * derivative
    return error**2, parameters, gradients
