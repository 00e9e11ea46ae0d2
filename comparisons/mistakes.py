"""What a mistake's name says in plain words; the names are those of the diagnosis, and never change."""

IN_WORDS = {
    "sign": "the wrong sign",
    "factor": "a constant factor",
    "missing-term": "something is missing from the formula",
    "wrong-index": "a number from the wrong place",
    "updated-weight": "a weight is used after its own update",
    "wrong-base": "the update starts from another parameter",
    "not-updated": "the parameter is not updated",
    "derivative-at-preactivation": "a slope at the wrong point",
    "reduction": "a sum for a mean, or a mean for a sum",
    "wrong-loss": "the derivative of another loss",
    "learning-rate": "another learning rate",
    "precision": "right, but only to a lower precision",
    "unknown": "no known mistake explains it",
}
